"""herdbook itself: `register`, then `check` with the default thresholds.

The curve comes from a second check that reports everything from a strength of 1 on; its time is not
counted. Both checks use a strict policy, as `accuracy.py` does, so that licenses play no part.
"""

import json
import subprocess

from labelled import TARGET_MODEL

from .job import Result, best, command, folder_bytes

TITLE = "herdbook"
POLICY = 'name = "peers"\nstrict = true\nfindings_max = 1000000\n'
# Strength from which the curve is drawn. Chosen: far below what half of the hard negatives reach.
LOWEST = 1


def check(job, at, name, policy):
    (job.work / f"{name}.toml").write_text(policy, encoding="utf-8")
    phase = command(
        [job.programs["herdbook"], "check", job.cases, *at, "--target-model", TARGET_MODEL, "--text-column", "text",
         "--policy", job.work / f"{name}.toml", "--report", job.work / f"{name}.json", "--threads", "1",
         "--no-record-duties", "--quiet"], (0, 1),
    )
    report = json.loads((job.work / f"{name}.json").read_text(encoding="utf-8"))
    if report["findings_total"] != len(report["findings"]):
        raise SystemExit("peers: the list of findings was cut; raise findings_max")
    return phase, [each for each in report["findings"] if each["location"]["row"] is not None and each["tier"]]


def run(job):
    herdbook, index = job.programs["herdbook"], job.work / "index"
    at = ["--index", index]
    command([herdbook, "init", *at])
    register = command(
        [herdbook, "register", job.registered, *at, "--source", "registered", "--text-column", "text",
         "--prompt-column", "prompt", "--model-column", "model", "--threads", "1", "--quiet"],
    )
    size = folder_bytes(index)
    query, findings = check(job, at, "default", POLICY)
    flagged = sorted({each["location"]["row"] for each in findings if each["level"] != "note"})
    _, findings = check(job, at, "curve", POLICY + f"[thresholds]\nflag_strength = {LOWEST}\nblock_strength = {LOWEST}\n")
    scores = [0.0] * len(job.texts("cases"))
    for each in findings:
        best(scores, each["location"]["row"], each["strength"])
    version = subprocess.run([herdbook, "--version"], capture_output=True, check=True, text=True).stdout.split()[-1]
    return Result(
        peer="herdbook", version=version, register=register, query=query, index_bytes=size, index_where="disk",
        how="register, then check, one thread, default thresholds; flagged: any finding. Reads Parquet, hashes its "
            "input and writes a report inside its time. Score: largest strength of a finding",
        flagged=flagged, curves={"herdbook": scores},
        commands=[
            "herdbook register registered.parquet --text-column text --prompt-column prompt --model-column model --threads 1",
            "herdbook check cases.parquet --text-column text --policy strict.toml --report out.json --threads 1",
        ],
    )
