"""allenai/decon: finds documents that contain items of a reference set, here the registered outputs.

Registered outputs are its reference ("eval") items, as questions without answers; the cases are its
training documents. It has no index on disk: a run over one empty document measures registration, and
what the full run takes beyond that is the query.
"""

import json
import subprocess
from pathlib import Path

from .job import Phase, Result, best, command

TITLE = "decon"
# Its documented default of `contamination_score_threshold`.
THRESHOLD = 0.8
# Its defaults: from `STRICT` tokens of a reference item down a perfect match is demanded, from `USUAL` up
# the threshold alone decides, between them linearly.
STRICT, USUAL = 20, 50
# Threshold of the runs that the curves come from. Measured: at 0.01 decon held more than 15 GB of matches.
LOWEST = 0.2
# It holds the matches of a file until the file is done, so for the curves the cases come in files of so many.
PER_FILE = 600


def lines(path, rows):
    path.parent.mkdir(exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)


def detect(job, documents, name, *more):
    report = job.work / name
    phase = command(
        [job.programs["decon"], "detect", "--training-dir", job.work / documents, "--evals-dir", job.work / "reference",
         "--report-output-dir", report, "--tokenizer", "uniseg", "--worker-threads", "1", *more],
        environment={"RAYON_NUM_THREADS": "1"},
    )
    found = []
    for path in report.glob("*.jsonl"):
        with open(path, encoding="utf-8") as entries:
            found += map(json.loads, entries)
    return phase, found


def highest_threshold(entry):
    """The highest threshold at which decon still reports this match, from its own rule.

    With `r` the share of the way from `STRICT` to `USUAL` tokens, a match with overlap `s` is reported at
    threshold `t` where `s` is 1 or at least `1 - (1 - t) r`.
    """
    overlap = entry["idf_overlap"]
    if overlap >= 1.0:
        return 1.0
    way = min(1.0, max(0.0, (entry["eval_token_length"] - STRICT) / (USUAL - STRICT)))
    return max(0.0, 1 - (1 - overlap) / way) if way else 0.0


def plainly(entry):
    """The same without its rule about lengths."""
    return entry["idf_overlap"]


def curve(found, rows, score=highest_threshold):
    """Scores per case; the name of a file of cases is the number of its first one."""
    scores = [0.0] * rows
    for entry in found:
        best(scores, int(Path(entry["training_file"]).stem) + entry["training_line"], score(entry))
    return scores


def version(binary):
    commit = subprocess.run(
        ["git", "-C", str(binary.parent), "log", "-1", "--format=%H (%cs)"], capture_output=True, text=True, check=False
    )
    return "commit " + commit.stdout.strip() if commit.returncode == 0 else "commit not known"


def run(job):
    registered, cases = job.texts("registered"), list(job.texts("cases"))
    lines(job.work / "reference/llama.jsonl", (
        {"eval_key": "llama", "eval_instance_index": at, "split": "test", "question": text, "answer": "",
         "config": "main", "doc_id": at, "fingerprint": f"{at:016x}"} for at, text in enumerate(registered)
    ))
    lines(job.work / "documents/0.jsonl", ({"text": text} for text in cases))
    for start in range(0, len(cases), PER_FILE):
        part = cases[start : start + PER_FILE]
        lines(job.work / f"parts/{start}.jsonl", ({"text": text} for text in part))
    lines(job.work / "nothing/one.jsonl", [{"text": "nothing"}])
    register, _ = detect(job, "nothing", "report-nothing")
    whole, found = detect(job, "documents", "report")
    flagged = sorted({entry["training_line"] for entry in found})
    _, low = detect(job, "parts", "report-low", "--contamination-score-threshold", LOWEST)
    scores = curve(low, len(cases))
    # What finds more: no rule about lengths. (Sampling every token instead of every sixth was tried on half of the
    # cases, 9,700: it changed the number flagged by at most 12 at any of four thresholds.)
    _, free = detect(
        job, "parts", "report-free", "--contamination-score-threshold", LOWEST, "--perfect-match-decay-start", "0",
        "--perfect-match-decay-end", "0", "--eval-min-token-length", "0", "--eval-min-unique-word-count", "0",
    )
    differ = len(set(flagged) ^ {row for row, score in enumerate(scores) if score >= THRESHOLD})
    return Result(
        peer="decon", version=version(job.programs["decon"]), register=register,
        query=Phase(max(0.0, whole.wall - register.wall), max(0.0, whole.cpu - register.cpu), 0.0, whole.peak_rss),
        index_bytes=register.peak_rss, index_where="memory (peak)",
        how=f"`detect` with its defaults (threshold {THRESHOLD}) and the tokenizer `uniseg`; registered outputs are its "
            "reference questions. Reads JSONL, made beforehand. Score: the highest threshold that still reports the case",
        flagged=flagged,
        curves={"decon": scores, "decon, no length rules": curve(free, len(cases), plainly)},
        commands=[
            "decon detect --training-dir CASES --evals-dir REGISTERED --report-output-dir OUT --tokenizer uniseg "
            "--worker-threads 1",
            f"… --contamination-score-threshold {LOWEST} (curve), … --perfect-match-decay-start 0 "
            "--perfect-match-decay-end 0 --eval-min-token-length 0 --eval-min-unique-word-count 0 (second curve)",
        ],
        notes=[f"{differ} cases are flagged by only one of the default run and the curve at {THRESHOLD}"],
    )
