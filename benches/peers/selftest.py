"""`benches/peers.py --self-test`: all peers over a dozen made-up rows, with answers known beforehand."""

import random
import sys

import pyarrow as pa
import pyarrow.parquet as pq

from .job import Clock
from .tables import Curve, at_equal_alarms, curves_of, not_above, recall_rows
from .words import grams, words

REGISTERED, WORDS = 6, 160


def made(seed):
    """Words of two syllables, so that two texts share hardly any run."""
    chance = random.Random(seed)
    parts = [first + vowel for first in "bdfgklmnprst" for vowel in "aeiou"]
    return " ".join(chance.choice(parts) + chance.choice(parts) for _ in range(WORDS)) + "."


def corpus(folder):
    """Registered: six texts. Cases: three copies, a copy inside a chat template, and six strangers."""
    texts = [made(seed) for seed in range(REGISTERED)]
    pq.write_table(pa.table({
        "text": texts, "prompt": [f"question {number}" for number in range(REGISTERED)],
        "model": ["meta-llama/Llama-2-7b-chat-hf"] * REGISTERED,
    }), folder / "registered.parquet")
    held = [*texts[:3], f"<|im_start|>assistant\n{texts[3]}<|im_end|>"]
    free = [made(100 + number) for number in range(6)]
    rows = len(held) + len(free)
    pq.write_table(pa.table({
        "id": [str(number) for number in range(rows)], "text": held + free, "label": [1] * len(held) + [0] * len(free),
        "transform": ["verbatim"] * 3 + ["chatml"] + ["neg_same_prompt"] * 6,
        "n_src_words": [WORDS] * len(held) + [None] * len(free), "short": [False] * rows, "ambiguous": [False] * rows,
        "lang": ["en"] * rows, "ov_words_noecho": [None] * len(held) + [0] * len(free),
    }), folder / "cases.parquet")
    return folder / "registered.parquet", folder / "cases.parquet"


def check(what, got, wanted):
    if got != wanted:
        sys.exit(f"self-test: {what}: got {got!r}, expected {wanted!r}")


def check_parts():
    """The pieces whose answers can be worked out by hand."""
    check("words", words("It's 5 o'clock, 東京!"), ["it", "s", "5", "o", "clock", "東", "京"])
    check("grams", grams("a b c d", 3), {"a b c", "b c d"})
    check("grams of a short text", grams("a b", 3), {"a b"})
    check("grams of nothing", grams("!?", 3), set())
    from .decon import highest_threshold

    check("decon, long", round(highest_threshold({"idf_overlap": 0.7, "eval_token_length": 90}), 6), 0.7)
    # 35 tokens are half of the way: a threshold t demands 1 - (1 - t) / 2, which 0.9 meets up to 0.8.
    check("decon, middle", round(highest_threshold({"idf_overlap": 0.9, "eval_token_length": 35}), 6), 0.8)
    check("decon, short", highest_threshold({"idf_overlap": 0.99, "eval_token_length": 20}), 0.0)
    # Ten hard negatives with scores 1 to 10: one in ten may be flagged from 10 on, none from 11 on.
    case = {"short": False, "ambiguous": False, "n_src_words": WORDS, "ov_words_noecho": 0}
    cases = [case | {"row": row, "label": 0, "transform": "neg_same_prompt"} for row in range(10)]
    cases += [case | {"row": row, "label": 1, "transform": "verbatim"} for row in range(10, 14)]
    curve = Curve("it", [*range(1, 11), 0, 9.5, 10.5, 11], cases)
    check("cut at none", curve.cut(0.0), 10.5)
    check("cut at one in ten", curve.cut(0.1), 9.5)
    check("flagged there", round(curve.reached(9.5), 6), 0.1)
    check("found there", curve.share(recall_rows(cases)[0][1], 9.5), 0.75)
    check("a score of 0 is no finding", curve.cut(1.0), 1)
    check("all flagged at the best score", Curve("flat", [1.0] * 14, cases).cut(0.5), None)
    with Clock() as clock:
        with clock.prepare():
            held = bytearray(64 << 20)
    check("peak memory sees 64 MiB", clock.phase.peak_rss >= len(held), True)


def check_results(results, cases):
    """Every peer finds the three copies, flags no stranger, and measured something."""
    for result in results:
        check(f"{result.peer}: copies", set(result.flagged) >= {0, 1, 2}, True)
        check(f"{result.peer}: strangers", [row for row in result.flagged if row >= 4], [])
        for name, scores in result.curves.items():
            check(f"{name}: scores", len(scores), len(cases))
            check(f"{name}: copies above strangers", min(scores[:3]) > max(scores[4:]), True)
        for phase in (result.register, result.query):
            check(f"{result.peer}: memory", phase.peak_rss > 1_000_000, True)
        check(f"{result.peer}: index", result.index_bytes >= 0, True)
    curves = curves_of(results, cases)
    check("equal alarms", "verbatim (3) | **100.0**" in at_equal_alarms(curves, cases, groups=False), True)
    check("nobody is ahead", not_above(curves, cases).startswith("Nowhere"), True)
