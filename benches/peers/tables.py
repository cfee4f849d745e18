"""From raw results to Markdown: the main table, where peers are ahead, recall at equal false alarms."""

from bisect import bisect_left, bisect_right

from labelled import UNREGISTERED, at_least, in_order, negatives, plain, positives, shares_no_run, wilson

# Shares of `neg_same_prompt` flagged at which recall is compared.
ALARMS = (0.005, 0.01, 0.02, 0.05, 0.10)
# Registered words that a positive case must have left to count, as in the accuracy tables.
LEAST_WORDS = 20
GROUPS = {
    "copies": "verbatim whitespace case punct_stripped markdown_stripped unicode_quotes norm_all".split(),
    "escaped": "html_escaped json_escaped".split(),
    "chat templates": "chatml llama2_inst alpaca llama3_header sharegpt_json".split(),
    "packed or embedded": "packed4 embed5x".split(),
    "cut to 50 %": ["trunc50"],
    "cut to 25 %": ["trunc25"],
    "halves": "concat_halves split2_a split2_b".split(),
    "first sentence": ["first_sentence"],
    "shuffled sentences": ["sent_shuffle"],
    "5 % of words edited": ["edit05"],
    "10 % edited": ["edit10"],
    "20 % edited": ["edit20"],
    "30 % edited": ["edit30"],
}
HIGHER, LOWER = max, min


def markdown(head, lines):
    text = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(text + ["| " + " | ".join(line) + " |" for line in lines])


def row_of(name, values, form, better, last=()):
    """One row: numbers as text, the best in bold. A value of None is a dash; `better` None marks nothing."""
    shown = [None if value is None else form(value) for value in values]
    known = [value for value in values if value is not None]
    top = form(better(known)) if better and known else None
    # What reads alike is equally good: a difference that is not shown must not decide.
    return [name] + ["–" if each is None else f"**{each}**" if each == top else each for each in shown] + list(last)


def recall_rows(cases):
    """(name, rows) of the positive cases that count, per transform."""
    usual = at_least(positives(cases), LEAST_WORDS)
    return [(name, [case for case in usual if case["transform"] == name])
            for name in in_order({case["transform"] for case in usual})]


def alarm_rows(cases):
    every = negatives(cases)
    usual = plain(every)
    return [("share no run of 13 words with any Llama output", shares_no_run(usual))] + [
        (name, [case for case in usual if case["transform"] == name])
        for name in sorted({case["transform"] for case in usual})
    ]


def apart_rows(cases):
    """(name, rows, which direction is better) of what is never mixed with the rest."""
    held, free = [case for case in cases if case["label"] == 1], negatives(cases)
    short = lambda rows: [case for case in rows if case["short"] and not case["ambiguous"]]
    doubtful = lambda rows: [case for case in rows if case["ambiguous"]]
    return [
        ("short, holds registered text", short(held), HIGHER),
        ("ambiguous, holds registered text", doubtful(held), HIGHER),
        ("short, holds none", short(free), LOWER),
        ("ambiguous, holds none", doubtful(free), None),
        ("Llama text that was never registered", [case for case in cases if case["transform"] == UNREGISTERED], None),
    ]


class Measured:
    """Raw results beside the cases that they were counted on."""

    def __init__(self, results, titles, cases, registered_rows, registered_bytes, case_bytes):
        self.results, self.titles, self.cases = results, titles, cases
        self.sizes = {"register": (registered_rows, registered_bytes), "query": (len(cases), case_bytes)}
        self.flagged = [set(result.flagged) for result in results]

    def costs(self):
        """(name, value per result, form, better) of what the phases cost."""
        count = lambda value: f"{value:,.0f}" if value >= 10 else f"{value:.2f}"
        two = lambda value: f"{value:.2f}"
        for phase in ("register", "query"):
            documents, size = self.sizes[phase]
            of = lambda pick: [pick(getattr(result, phase)) for result in self.results]
            yield f"{phase}: documents per CPU second", of(lambda it: documents / max(it.cpu, 1e-9)), count, HIGHER
            yield f"{phase}: MB per CPU second", of(lambda it: size / 1e6 / max(it.cpu, 1e-9)), two, HIGHER
            yield (f"{phase}: the same without its caller's Python, documents",
                   of(lambda it: documents / max(it.cpu - it.prepare_cpu, 1e-9) if it.prepare_cpu else None), count, None)
            yield f"{phase}: CPU seconds", of(lambda it: it.cpu), two, LOWER
            yield f"{phase}: seconds on the clock (shared machine)", of(lambda it: it.wall), two, None
            yield f"{phase}: peak memory, MB", of(lambda it: it.peak_rss / 1e6), count, LOWER
        documents = self.sizes["register"][0]
        yield "index, bytes per registered document", [it.index_bytes / documents for it in self.results], count, LOWER

    def shares(self, rows):
        numbers = {case["row"] for case in rows}
        return [len(numbers & flagged) for flagged in self.flagged]

    def share_row(self, name, rows, better):
        """A row of shares, and half the widest Wilson interval, so that small differences are read as such."""
        if not rows:
            return None
        hits = self.shares(rows)
        wide = max((high - low) / 2 for low, high in (wilson(hit, len(rows)) for hit in hits))
        form = lambda hit: f"{100 * hit / len(rows):.1f}" if better is HIGHER else f"{100 * hit / len(rows):.2f} ({hit})"
        return row_of(f"{name} ({len(rows):,})", hits, form, better, [f"{100 * wide:.1f}"])

    def main(self):
        head = ["", *self.titles, "± at most"]
        blank = lambda name: [f"*{name}*"] + [""] * (len(self.titles) + 1)
        lines = [blank("cost, one core")]
        lines += [row_of(name, values, form, better, [""]) for name, values, form, better in self.costs()]
        where = [result.index_where for result in self.results]
        lines.append(["index is in", *where, ""])
        lines.append(blank("found, %, cases with 20 registered words or more"))
        lines += [self.share_row(name, rows, HIGHER) for name, rows in recall_rows(self.cases)]
        lines.append(blank("falsely flagged, % (rows)"))
        lines += [self.share_row(name, rows, LOWER) for name, rows in alarm_rows(self.cases)]
        lines.append(blank("reported apart, % (rows)"))
        lines += [self.share_row(*each) for each in apart_rows(self.cases)]
        return markdown(head, [line for line in lines if line])

    def ahead(self):
        """Every row of the main table in which a peer is better than herdbook, said in words."""
        lines = []

        def compare(name, values, form, better):
            ours = values[0]
            if better is None or ours is None:
                return
            gap = (lambda value: value > ours) if better is HIGHER else (lambda value: value < ours)
            who = [f"{title} {form(value)}" for title, value in list(zip(self.titles, values))[1:]
                   if value is not None and gap(value) and form(value) != form(ours)]
            if who:
                lines.append(f"- {name}: herdbook {form(ours)}; " + ", ".join(who))

        for each in self.costs():
            compare(*each)
        shares = [(f"found, {name}", rows, HIGHER) for name, rows in recall_rows(self.cases)]
        shares += [(f"falsely flagged, {name}", rows, LOWER) for name, rows in alarm_rows(self.cases)]
        shares += [each for each in apart_rows(self.cases) if each[2]]
        for name, rows, better in shares:
            if rows:
                compare(name, self.shares(rows), lambda hits: f"{100 * hits / len(rows):.2f} %", better)
        return "\n".join(lines) or "In no row of the table."


class Curve:
    """The scores of one tool setting, ready to be cut at a threshold."""

    def __init__(self, name, scores, cases):
        self.name, self.scores = name, scores
        self.distinct = sorted(set(scores))
        self.hard = sorted(
            (scores[case["row"]] for case in plain(negatives(cases)) if case["transform"] == "neg_same_prompt"),
            reverse=True,
        )

    def cut(self, alarms):
        """The lowest threshold that flags at most that share of `neg_same_prompt`; None where none does.

        Cases are flagged from the threshold on. A score of 0 is no finding, so it is never flagged.
        """
        allowed = int(alarms * len(self.hard) + 1e-9)
        above = self.hard[allowed] if allowed < len(self.hard) else 0.0
        next_above = bisect_right(self.distinct, above)
        return self.distinct[next_above] if next_above < len(self.distinct) else None

    def share(self, rows, threshold):
        if threshold is None or not rows:
            return None
        return sum(self.scores[case["row"]] >= threshold for case in rows) / len(rows)

    def reached(self, threshold):
        """The share of `neg_same_prompt` that this threshold flags."""
        return 0.0 if threshold is None else 1 - bisect_left(self.hard[::-1], threshold) / max(1, len(self.hard))


def curves_of(results, cases):
    return [Curve(name, scores, cases) for result in results for name, scores in result.curves.items()]


def grouped(rows):
    """(group, list of (transform, rows)); transforms of no group stand for themselves."""
    named = dict(rows)
    listed = {name for names in GROUPS.values() for name in names}
    groups = dict(GROUPS) | {name: [name] for name in named if name not in listed}
    return [(group, [named[name] for name in names if name in named]) for group, names in groups.items()
            if any(name in named for name in names)]


def percent(value):
    return f"{100 * value:.1f}"


def at_equal_alarms(curves, cases, groups):
    """One table per share of false alarms: recall per transform, or per group of them (their mean)."""
    rows = recall_rows(cases)
    parts = grouped(rows) if groups else [(name, [each]) for name, each in rows]
    text = []
    for alarms in ALARMS:
        cuts = [curve.cut(alarms) for curve in curves]
        reached = [f"{100 * curve.reached(cut):.2f}" for curve, cut in zip(curves, cuts)]
        lines = [["*really flagged, neg_same_prompt, %*", *reached]]
        for name, members in parts:
            mean = lambda curve, cut: None if cut is None else sum(curve.share(each, cut) for each in members) / len(members)
            count = sum(map(len, members))
            lines.append(row_of(f"{name} ({count:,})", [mean(*pair) for pair in zip(curves, cuts)], percent, HIGHER))
        if groups:
            for name, each in alarm_rows(cases):
                if name != "neg_same_prompt":
                    shares = [curve.share(each, cut) for curve, cut in zip(curves, cuts)]
                    lines.append(row_of(f"*flagged:* {name} ({len(each):,})", shares, lambda it: f"{100 * it:.2f}", LOWER))
        text += [f"### {100 * alarms:g} % of `neg_same_prompt` flagged", "",
                 markdown(["", *(curve.name for curve in curves)], lines), ""]
    return "\n".join(text)


def not_above(curves, cases):
    """Where herdbook's curve does not lie above every other, per level and transform."""
    ours, others = curves[0], curves[1:]
    lines = []
    for alarms in ALARMS:
        cut = ours.cut(alarms)
        cuts = [(curve, curve.cut(alarms)) for curve in others]
        for name, rows in recall_rows(cases):
            mine = ours.share(rows, cut) or 0.0
            ahead = [f"{curve.name} {percent(share)}" for curve, at in cuts
                     if (share := curve.share(rows, at)) is not None and share > mine
                     and percent(share) != percent(mine)]
            if ahead:
                lines.append(f"- at {100 * alarms:g} %, {name}: herdbook {percent(mine)}; " + ", ".join(ahead))
    return "\n".join(lines) or "Nowhere: herdbook's recall is at least that of every other setting at each level and transform."
