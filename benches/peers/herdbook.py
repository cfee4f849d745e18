"""herdbook itself: `register`, then `check` with the default thresholds.

Both checks use a strict policy, as `accuracy.py` does, so that licenses play no part.

The curve comes from a second check that reports everything from a low strength on, and that is not
timed. A finding names the match with the strictest ruling and level, so at a low threshold a weak match
can hide a strong one. For the curve alone, therefore, all outputs are registered under one model and
nothing blocks: every match has the same ruling and level, and the strongest is named. An exact match is
flagged at any threshold, and so its score is above all others.
"""

import json
import subprocess

from labelled import TARGET_MODEL

from .job import Result, best, command, folder_bytes

TITLE = "herdbook"
POLICY = 'name = "peers"\nstrict = true\nfindings_max = 1000000\n'
# Strength from which the curve is drawn. Chosen: more than a tenth of the hard negatives reach it.
LOWEST = 8
NEVER = 1_000_000
ONE_MODEL = "meta-llama/Llama-2-7b-chat-hf"


def register(job, index, *model):
    herdbook = job.programs["herdbook"]
    command([herdbook, "init", "--index", index])
    return command(
        [herdbook, "register", job.registered, "--index", index, "--source", "registered", "--text-column", "text",
         "--prompt-column", "prompt", *model, "--threads", "1", "--quiet"],
    )


def check(job, index, name, policy):
    (job.work / f"{name}.toml").write_text(policy, encoding="utf-8")
    phase = command(
        [job.programs["herdbook"], "check", job.cases, "--index", index, "--target-model", TARGET_MODEL,
         "--text-column", "text", "--policy", job.work / f"{name}.toml", "--report", job.work / f"{name}.json", "--threads", "1",
         "--no-record-duties", "--quiet"], (0, 1),
    )
    report = json.loads((job.work / f"{name}.json").read_text(encoding="utf-8"))
    if report["findings_total"] != len(report["findings"]):
        raise SystemExit("peers: the list of findings was cut; raise findings_max")
    return phase, [each for each in report["findings"] if each["location"]["row"] is not None and each["tier"]]


def run(job):
    herdbook, index = job.programs["herdbook"], job.work / "index"
    registered = register(job, index, "--model-column", "model")
    size = folder_bytes(index)
    query, findings = check(job, index, "default", POLICY)
    findings = [each for each in findings if each["level"] != "note"]
    flagged = sorted({each["location"]["row"] for each in findings})
    # The default threshold as far as it can be seen; there the curve must agree with the check that is timed.
    weakest = min((each["strength"] for each in findings), default=0.0)
    register(job, job.work / "one-model", "--model", ONE_MODEL)
    low = POLICY + f"[thresholds]\nflag_strength = {LOWEST}\nblock_strength = {NEVER}\n"
    _, findings = check(job, job.work / "one-model", "curve", low)
    scores = [0.0] * job.rows("cases")
    for each in findings:
        best(scores, each["location"]["row"], NEVER if each["tier"] == "exact" else each["strength"])
    differ = len(set(flagged) ^ {row for row, score in enumerate(scores) if score >= round(weakest, 5)})
    version = subprocess.run([herdbook, "--version"], capture_output=True, check=True, text=True).stdout.split()[-1]
    return Result(
        peer="herdbook", version=version, register=registered, query=query, index_bytes=size, index_where="disk",
        how="register, then check, one thread, default thresholds; flagged: any finding. Reads Parquet, hashes its "
            "input and writes a report inside its time. Score: largest strength of a match; an exact one is above all",
        flagged=flagged, curves={"herdbook": scores},
        commands=[
            "herdbook register registered.parquet --text-column text --prompt-column prompt --model-column model "
            "--threads 1",
            "herdbook check cases.parquet --text-column text --policy strict.toml --report out.json --threads 1",
        ],
        notes=[f"{differ} cases are flagged by only one of the timed check and the curve at {weakest:g}"],
    )
