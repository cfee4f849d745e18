"""Recall per transform and false alarms per kind of negative, on labelled real outputs.

    python benches/accuracy.py REGISTERED.parquet CASES.parquet [--herdbook PATH] [--markdown FILE]
                               [--index DIR] [--strongest N] [--by-bundle]

Registers every row of REGISTERED in one command, checks every row of CASES in one command against
a Mistral target, and counts. The two files never enter the repository; benches/README.md says
which columns they need.

- *found*: the row has any finding (flag or block). *blocked*: one at level block under a strict
  policy with the default thresholds, so that licenses play no part.
- Rows marked `short` (fewer than eight registered words left) or `ambiguous` (somebody else wrote
  the same text) are counted apart; so are texts of models that were never registered.
- With --by-bundle the cases are checked by another index, which knows the outputs from a bundle only:
  fingerprints without words (docs/bundles.md).
- Every share stands with its denominator and a Wilson 95 % interval.
- Aims are those of the accuracy plan; a row that misses its aim says so.
"""

import argparse
import collections
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

from labelled import (
    ASSEMBLED, OTHER_PROMPT, TARGET_MODEL, UNREGISTERED, VERBATIM_LIKE, at_least, default_binary, in_order, negatives,
    plain, positives, read_cases, shares_no_run, table, wilson,
)

# Strict: a match at or above the block threshold blocks whatever its license says, so that "blocked"
# measures detection and not the mixture of licenses among the registered models.
POLICY = 'name = "accuracy"\nstrict = true\nfindings_max = 1000000\n'
# Share of cases to be found with at least 20 registered words left.
FOUND_AIM = dict.fromkeys(VERBATIM_LIKE + ASSEMBLED, 0.999) | {
    "trunc25": 0.995, "sent_shuffle": 0.995, "edit05": 0.995, "edit10": 0.995, "edit20": 0.95, "edit30": 0.80,
}
# Share of cases to be blocked with at least 50 registered words left.
BLOCKED_AIM = dict.fromkeys(VERBATIM_LIKE, 0.995)


class Share:
    """Hits of a number of rows."""

    def __init__(self, rows, levels, wanted):
        self.of = len(rows)
        self.hits = sum(1 for row in rows if wanted(levels.get(row["row"])))

    @property
    def value(self):
        return self.hits / self.of if self.of else float("nan")

    def text(self):
        if not self.of:
            return "–"
        low, high = wilson(self.hits, self.of)
        return f"{100 * self.value:.2f} % ({self.hits}/{self.of}; {100 * low:.2f}–{100 * high:.2f})"


def found(level):
    return level in ("flag", "block")


def blocked(level):
    return level == "block"


def run(command, allowed):
    """Runs a command, shows it, and returns its seconds; stops when the exit code is unexpected."""
    print("$", " ".join(str(part) for part in command), flush=True)
    began = time.monotonic()
    code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    if code not in allowed:
        sys.exit(f"accuracy: {command[1]} ended with {code}, expected one of {allowed}")
    return time.monotonic() - began


def levels_of(report):
    """The strictest level per row of a verdict; stops when findings are missing from the list."""
    order = {"note": 0, "flag": 1, "undecided": 2, "block": 3}
    levels = {}
    for finding in report["findings"]:
        row = finding["location"]["row"]
        if row is not None and order[finding["level"]] > order.get(levels.get(row), -1):
            levels[row] = finding["level"]
    for level in ("flag", "block", "undecided"):
        listed = sum(1 for each in levels.values() if each == level)
        if listed != report["tally"][level]:
            sys.exit(f"accuracy: {report['tally'][level]} rows are {level}, but {listed} are listed; the list was cut")
    return levels


def aim(share, wanted):
    if wanted is None or not share.of:
        return ""
    return f"≥ {100 * wanted:g} %" + ("" if share.value >= wanted else " **missed**")


def ceiling(share, wanted):
    if wanted is None or not share.of:
        return ""
    return f"≤ {100 * wanted:g} %" + ("" if share.value <= wanted else " **missed**")


def recall_tables(cases, levels):
    by = collections.defaultdict(list)
    for case in positives(cases):
        by[case["transform"]].append(case)
    lines = []
    for name in in_order(by):
        rows = by[name]
        some, many = Share(at_least(rows, 20), levels, found), Share(at_least(rows, 50), levels, blocked)
        lines.append(
            [name, Share(rows, levels, found).text(), some.text(), aim(some, FOUND_AIM.get(name)), many.text(),
             aim(many, BLOCKED_AIM.get(name))]
        )
    yield table(
        "Recall per transform",
        ["transform", "found, all", "found, ≥ 20 words", "aim", "blocked, ≥ 50 words", "aim"],
        lines,
        "Without short and ambiguous cases. Words: registered text left in the case.",
    )
    lines = []
    for name in sorted({case["lang"] for case in cases if case["label"] == 1}):
        rows = [case for group in by.values() for case in group if case["lang"] == name]
        least = [row for row in rows if (row["n_src_words"] or 0) >= 20 and row["transform"] in VERBATIM_LIKE]
        lines.append([name, Share(least, levels, found).text(), Share(rows, levels, found).text()])
    yield table(
        "Recall per language", ["language", "verbatim-like forms, ≥ 20 words, found", "all transforms, found"], lines
    )
    if all("base" in case for case in cases):
        lines = []
        for name in sorted({case["base"] for group in by.values() for case in group if case["base"]}):
            rows = [
                case for group in by.values() for case in group
                if case["base"] == name and case["transform"] in VERBATIM_LIKE and (case["n_src_words"] or 0) >= 50
            ]
            lines.append([name, Share(rows, levels, found).text(), Share(rows, levels, blocked).text()])
        yield table("Verbatim-like forms, ≥ 50 words, per license", ["license of the source", "found", "blocked"], lines)
    lines = []
    for name, pick in [
        ("short", lambda case: case["short"] and not case["ambiguous"]),
        ("ambiguous", lambda case: case["ambiguous"]),
    ]:
        rows = [case for case in cases if case["label"] == 1 and pick(case)]
        lines.append([name, Share(rows, levels, found).text(), Share(rows, levels, blocked).text()])
    yield table("Positives reported apart", ["kind", "found", "blocked"], lines)


def negative_tables(cases, levels):
    every = negatives(cases)
    usual = plain(every)
    line = lambda name, rows, most_found=None, most_blocked=None: [
        name,
        (share := Share(rows, levels, found)).text(), ceiling(share, most_found),
        (share := Share(rows, levels, blocked)).text(), ceiling(share, most_blocked),
    ]
    head = ["negatives", "flagged or blocked", "aim", "blocked", "aim"]
    yield table(
        "False alarms",
        head,
        [
            line("share no run of 13 words with any Llama output", shares_no_run(usual), 0.0001, 0.0),
            line("human text, and other models on other prompts",
                 [case for case in usual if case["transform"] in OTHER_PROMPT], 0.001, 0.0002),
            line("other models on the same prompts",
                 [case for case in usual if case["transform"] == "neg_same_prompt"], 0.05, 0.01),
        ],
        "Without short and ambiguous cases.",
    )
    lines = [
        line(name, [case for case in usual if case["transform"] == name])
        for name in sorted({case["transform"] for case in usual})
    ]
    yield table("False alarms per kind of negative", head[:1] + head[1:], lines)
    lines = [
        line(f"{name}, {side}", [case for case in usual if case["lang"] == name and pick(case)])
        for name in sorted({case["lang"] for case in usual})
        for side, pick in [
            ("same prompt", lambda case: case["transform"] == "neg_same_prompt"),
            ("the rest", lambda case: case["transform"] != "neg_same_prompt"),
        ]
    ]
    yield table("False alarms per language", head, lines)
    yield table(
        "Negatives reported apart",
        head,
        [
            line("short", [case for case in every if case["short"] and not case["ambiguous"]]),
            line("ambiguous", [case for case in every if case["ambiguous"]]),
            line("Llama text that was never registered",
                 [case for case in cases if case["transform"] == UNREGISTERED]),
        ],
    )


def strongest(report, cases, number):
    """The strongest findings on negatives: numbers only, never the text."""
    by_row = {case["row"]: case for case in cases}
    lines = []
    for finding in report["findings"]:
        case = by_row.get(finding["location"]["row"])
        if case and case["label"] == 0 and finding["tier"]:
            lines.append(
                [case["id"], case["transform"], finding["level"], finding["tier"],
                 f"{finding['share_of_row']:.2f}", f"{finding['share_of_output']:.2f}",
                 finding["longest_run_bytes"], case["ov_words_noecho"], case["ambiguous"]]
            )
    lines.sort(key=lambda line: (line[2] != "block", -line[6]))
    head = ["case", "kind", "level", "tier", "of row", "of output", "run, bytes", "words shared", "ambiguous"]
    return table(f"The {number} strongest findings on negatives", head, lines[:number])


def by_bundle(herdbook, at, work):
    """An index that holds what the one named by `at` shares, and nothing else."""
    index, keys = work / "partner", work / "index" / "keys"
    bundle = [work / "it.bundle", "--bundle-key", work / "it.key"]
    run([herdbook, "export", "bundle", *bundle, "--source", "registered", *at], [0])
    run([herdbook, "init", "--index", index], [0])
    run([herdbook, "import", "bundle", *bundle, "--key", keys / "signing.pub", "--partner", "p", "--index", index], [0])
    return index


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("registered", type=Path)
    arguments.add_argument("cases", type=Path)
    arguments.add_argument("--herdbook", type=Path, help="the binary; default: the release build")
    arguments.add_argument("--markdown", type=Path, help="also write the tables here")
    arguments.add_argument("--index", type=Path, help="use this index, already registered, and leave it")
    arguments.add_argument("--strongest", type=int, default=20, help="how many findings on negatives to list")
    arguments.add_argument("--by-bundle", action="store_true", help="check with an index that got a bundle only")
    asked = arguments.parse_args()
    herdbook = (asked.herdbook or default_binary()).resolve()
    work = Path(tempfile.mkdtemp(prefix="herdbook-accuracy-"))
    try:
        index = asked.index or work / "index"
        at = ["--index", str(index)]
        facts = []
        if not asked.index:
            run([herdbook, "init", *at], [0])
            seconds = run(
                [herdbook, "register", asked.registered, *at, "--source", "registered", "--text-column", "text",
                 "--prompt-column", "prompt", "--model-column", "model"], [0],
            )
            text = sum(len(each.encode()) for each in pq.read_table(asked.registered, columns=["text"])["text"].to_pylist())
            facts.append(f"registered {pq.read_metadata(asked.registered).num_rows:,} outputs, {text / 1e6:.1f} MB of text, in {seconds:.1f} s")
            if asked.by_bundle:
                at = ["--index", str(by_bundle(herdbook, at, work))]
                facts.append(f"shared as a bundle of {(work / 'it.bundle').stat().st_size / 1e6:.1f} MB")
        (work / "policy.toml").write_text(POLICY, encoding="utf-8")
        seconds = run(
            [herdbook, "check", asked.cases, *at, "--target-model", TARGET_MODEL, "--text-column", "text",
             "--policy", work / "policy.toml",
             "--report", work / "out.json"], [0, 1],
        )
        report = json.loads((work / "out.json").read_text(encoding="utf-8"))
        cases = read_cases(asked.cases)
        if report["tally"]["read"] != len(cases):
            sys.exit(f"accuracy: {len(cases)} cases, but {report['tally']['read']} rows were read")
        size = report["inputs"][0]
        facts.append(f"checked {len(cases):,} cases, {size['bytes'] / 1e6:.1f} MB as stored, in {seconds:.1f} s")
        facts.append(f"{platform.machine()}, {platform.system()}; times include the start of the program")
        levels = levels_of(report)
        parts = ["\n".join(f"- {fact}" for fact in facts) + "\n"]
        parts += recall_tables(cases, levels)
        parts += negative_tables(cases, levels)
        parts.append(strongest(report, cases, asked.strongest))
        text = "\n".join(parts)
        print(text)
        if asked.markdown:
            asked.markdown.write_text(text, encoding="utf-8")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
