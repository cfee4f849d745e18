"""What the measurements on labelled outputs share: the kinds of rows, who is counted where, intervals, tables.

`accuracy.py` counts what herdbook finds; `peers.py` does the same for other tools. Both must select
rows alike, so the selections live here and nowhere else.
"""

import json
import math
import subprocess
from pathlib import Path

import pyarrow.parquet as pq

TARGET_MODEL = "mistralai/Mistral-7B-v0.3"
VERBATIM_LIKE = (
    "verbatim whitespace case punct_stripped markdown_stripped unicode_quotes norm_all html_escaped "
    "json_escaped chatml llama2_inst alpaca llama3_header sharegpt_json"
).split()
ASSEMBLED = "packed4 embed5x trunc50 concat_halves split2_a split2_b".split()
HARDER = "trunc25 sent_shuffle edit05 edit10 edit20 edit30".split()
# The order that transforms are listed in; one that is not named here comes last.
TRANSFORMS = VERBATIM_LIKE + ASSEMBLED + HARDER
OTHER_PROMPT = {"neg_human", "neg_human_code", "neg_human_same_prompt", "neg_other_model"}
# Llama text that was never registered: neither a hit nor a false alarm, so it is counted apart.
UNREGISTERED = "neg_unregistered_llama"
Z = 1.959964  # two-sided 95 %


def wilson(hits, of):
    """The Wilson score interval of a share, as two shares."""
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, Z * Z
    middle = share + square / (2 * of)
    spread = Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, (middle - spread) / (1 + square / of)), min(1.0, (middle + spread) / (1 + square / of))


def table(title, head, lines, note=None):
    text = [f"## {title}", ""]
    if note:
        text += [note, ""]
    text += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    text += ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
    return "\n".join(text + [""])


def read_cases(path):
    """The labelled cases as dictionaries; `row` is the number of the row in the file."""
    cases = pq.read_table(path).to_pylist()
    for row, case in enumerate(cases):
        case["row"] = row
    return cases


def positives(cases):
    """Cases that hold registered text and are neither short nor ambiguous."""
    return [case for case in cases if case["label"] == 1 and not case["short"] and not case["ambiguous"]]


def at_least(rows, words):
    """Those with that many registered words left."""
    return [row for row in rows if (row["n_src_words"] or 0) >= words]


def negatives(cases):
    """Cases that hold no registered text; never-registered Llama text left out."""
    return [case for case in cases if case["label"] == 0 and case["transform"] != UNREGISTERED]


def plain(rows):
    return [row for row in rows if not row["ambiguous"] and not row["short"]]


def shares_no_run(rows):
    """Those that share no run of 13 words with any Llama output, quoted prompt left out."""
    return [row for row in rows if row["ov_words_noecho"] is not None and row["ov_words_noecho"] < 13]


def in_order(names):
    """Transforms in the order of `TRANSFORMS`, others last."""
    return sorted(names, key=lambda name: TRANSFORMS.index(name) if name in TRANSFORMS else 99)


def default_binary():
    build = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], capture_output=True, check=True,
        cwd=Path(__file__).resolve().parent,
    )
    return Path(json.loads(build.stdout)["target_directory"]) / "release" / "herdbook"
