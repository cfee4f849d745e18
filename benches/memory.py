"""Peak memory of checking large files: does it stay the same whatever the size?

    python benches/memory.py [--gb 5] [--dir FOLDER] [--formats jsonl,parquet] [--herdbook PATH] [--keep]

Makes a JSONL and a Parquet of about that many gigabytes of varied text, checks each against a small
index, and prints the peak resident memory, that of an empty check beside it, and the difference:
what the size of the input adds on top of the program and its snapshot.

The JSONL is that large as a file; the Parquet is that large as text (--parquet-codec none makes the
file that large too). All processes that the check starts are counted together.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from accuracy import TARGET_MODEL, default_binary

REPO = Path(__file__).resolve().parent.parent
POLL_S = 0.005
# Rows per batch written; one batch is one Parquet row group.
BATCH_ROWS = 50_000
ROW_WORDS = 120


def words():
    """A vocabulary from the demo's own clean documents."""
    text = (REPO / "fixtures/demo/source/clean.txt").read_text(encoding="utf-8")
    return sorted(set(text.split()))


def batches(total_bytes, rng):
    """Lists of random texts until that many bytes are made."""
    vocabulary = words()
    made = 0
    while made < total_bytes:
        batch = [" ".join(rng.choices(vocabulary, k=ROW_WORDS)) for _ in range(BATCH_ROWS)]
        made += sum(map(len, batch))
        yield batch


def make_jsonl(path, total_bytes):
    with open(path, "w", encoding="utf-8") as out:
        for batch in batches(total_bytes, random.Random(1)):
            out.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in batch)


def make_parquet(path, total_bytes, codec):
    schema = pa.schema([("text", pa.string())])
    with pq.ParquetWriter(path, schema, compression=codec, use_dictionary=False) as out:
        for batch in batches(total_bytes, random.Random(2)):
            out.write_table(pa.table({"text": batch}, schema=schema))


def tree(pid):
    """A process and all that it started, on Linux."""
    found, waiting = [], [pid]
    while waiting:
        each = waiting.pop()
        found.append(each)
        try:
            for task in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{task}/children", encoding="ascii") as children:
                    waiting += [int(child) for child in children.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def memory_of(pid):
    """High-water mark of resident bytes, and anonymous bytes now; zeros once the process ended.

    The mark is the kernel's own for the program since it was started. (`ru_maxrss` is not used on
    Linux: it also counts the moment before, when the child still is a copy of this Python.)
    """
    fields = {}
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            for line in status:
                name, _, value = line.partition(":")
                if name in ("VmHWM", "RssAnon"):
                    fields[name] = int(value.split()[0]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    return fields.get("VmHWM", 0), fields.get("RssAnon", 0)


def measured(command, allowed):
    """Runs a command; returns its peak resident and anonymous bytes (all processes), and seconds."""
    print("$", " ".join(map(str, command)), flush=True)
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = [0, 0]
    done = threading.Event()

    def watch():
        while not done.is_set():
            sums = [sum(column) for column in zip(*map(memory_of, tree(child.pid)))]
            peak[:] = map(max, peak, sums)
            done.wait(POLL_S)

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(child.pid, 0)
    done.set()
    watcher.join()
    code = os.waitstatus_to_exitcode(status)
    child.returncode = code
    if code not in allowed:
        sys.exit(f"memory: ended with {code}, expected one of {allowed}")
    resident = usage.ru_maxrss if sys.platform == "darwin" else peak[0]
    return resident, peak[1], time.monotonic() - began


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--gb", type=float, default=5.0)
    arguments.add_argument("--dir", type=Path, help="where the files are made; default: a temporary folder")
    arguments.add_argument("--formats", default="jsonl,parquet")
    arguments.add_argument("--parquet-codec", default="zstd")
    arguments.add_argument("--herdbook", type=Path)
    arguments.add_argument("--index", type=Path, help="an index to check against; default: the demo's preference set")
    arguments.add_argument("--keep", action="store_true", help="leave the files")
    asked = arguments.parse_args()
    herdbook = (asked.herdbook or default_binary()).resolve()
    work = Path(tempfile.mkdtemp(prefix="herdbook-memory-", dir=asked.dir))
    try:
        index = asked.index or work / "index"
        at = ["--index", str(index)]
        if not asked.index:
            measured([herdbook, "init", *at], [0])
            measured([herdbook, "register", REPO / "fixtures/demo/preferences.parquet", *at], [0])
        check = lambda path: measured([herdbook, "check", path, *at, "--target-model", TARGET_MODEL], [0, 1])
        one = work / "one.jsonl"
        one.write_text(json.dumps({"text": "one row"}) + "\n", encoding="utf-8")
        base, base_anon, _ = check(one)
        lines = [("one row", one.stat().st_size, base, base_anon, 0.0)]
        for name in asked.formats.split(","):
            path = work / f"large.{name}"
            total = int(asked.gb * 1e9)
            make_jsonl(path, total) if name == "jsonl" else make_parquet(path, total, asked.parquet_codec)
            peak, anon, seconds = check(path)
            lines.append((name, path.stat().st_size, peak, anon, seconds))
            if not asked.keep:
                path.unlink()
        print("| input | file, GB | peak resident, MB | above one row, MB | anonymous, MB | s |\n|---|---|---|---|---|---|")
        for name, size, peak, anon, seconds in lines:
            print(
                f"| {name} | {size / 1e9:.2f} | {peak / 1e6:.0f} | {(peak - base) / 1e6:.0f} | {anon / 1e6:.0f} | {seconds:.1f} |"
            )
    finally:
        if not asked.keep:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
