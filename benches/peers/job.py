"""Inputs, clocks and peak memory of one peer, and its raw result as JSON."""

import contextlib
import gc
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from memory import memory_of, tree

# Raised when what a raw result holds changes; older ones are measured again.
FORM = 1
# Texts that a Python peer shingles at once: the grams of all of them would not fit beside the index.
BATCH = 1000
# Seconds between two looks at a program's memory: at first short, for programs that are soon done, then longer. The
# kernel keeps the peak itself, so that only a peak in the last moment can be missed; looking more often would take
# time on the one core that the program has.
FIRST_POLL_S, POLL_S = 0.001, 0.05


@dataclass
class Phase:
    """What one phase cost. Bytes are resident memory; seconds are `wall` or `cpu` (user and system)."""

    wall: float = 0.0
    cpu: float = 0.0
    # Of `cpu`: Parquet, words and grams in Python, which the tool leaves to its caller.
    prepare_cpu: float = 0.0
    peak_rss: int = 0


@dataclass
class Result:
    peer: str
    version: str
    # One line: how it was called, and by which rule a case counts as flagged.
    how: str
    register: Phase
    query: Phase
    index_bytes: int
    # "disk", "memory (grown by)" or "memory (peak)": what `index_bytes` was read from.
    index_where: str
    # Rows of the cases that the tool flags at the setting of the main table.
    flagged: list
    # Name of a curve → its largest score per case; 0 where nothing was found.
    curves: dict
    commands: list = field(default_factory=list)
    # Facts worth keeping beside the figures, such as records that the tool leaves out.
    notes: list = field(default_factory=list)
    inputs: list = field(default_factory=list)
    form: int = FORM


@dataclass
class Job:
    registered: Path
    cases: Path
    # A folder for this peer alone; what is in it from an earlier run is removed before.
    work: Path
    # Paths of programs: herdbook, decon.
    programs: dict

    def rows(self, which):
        """How many texts `registered` or `cases` holds."""
        return pq.read_metadata(getattr(self, which)).num_rows

    def batches(self, which):
        """The texts in lists of at most `BATCH`, so that no tool is charged for holding all of them."""
        with pq.ParquetFile(getattr(self, which)) as file:
            for batch in file.iter_batches(batch_size=BATCH, columns=["text"], use_threads=False):
                yield batch.column(0).to_pylist()

    def texts(self, which):
        return (text for batch in self.batches(which) for text in batch)


def digests(registered, cases):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in (registered, cases)]


def save(path, result):
    """Written whole or not at all, so that a run that is stopped leaves no half result."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(result)), encoding="utf-8")
    part.replace(path)


def load(path, inputs):
    """A kept result of these inputs, or None where it must be measured (again)."""
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept.get("form") != FORM or kept["inputs"] != inputs:
        return None
    return Result(**(kept | {name: Phase(**kept[name]) for name in ("register", "query")}))


class Clock:
    """Times a phase of a peer that runs inside this Python.

    `with clock.prepare():` marks what the caller does for the tool. The peak of resident memory is the
    kernel's own mark, set back at the start of the phase; what the process held before counts.
    """

    def __init__(self):
        self.phase = Phase()

    def __enter__(self):
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self.before = memory_now()
        self.began = time.monotonic(), time.process_time()
        return self

    def __exit__(self, *_):
        self.phase.wall = time.monotonic() - self.began[0]
        self.phase.cpu = time.process_time() - self.began[1]
        self.phase.peak_rss = memory_of(os.getpid())[0]

    @contextlib.contextmanager
    def prepare(self):
        began = time.process_time()
        yield
        self.phase.prepare_cpu += time.process_time() - began

    def prepared(self, batches):
        """The batches, with the time that making them takes counted as preparation."""
        batches = iter(batches)
        while True:
            with self.prepare():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def grown(self):
        """Resident bytes that are held now and were not at the start: the index of a tool without files."""
        gc.collect()
        return max(0, memory_now() - self.before)


def memory_now():
    with open("/proc/self/statm", encoding="ascii") as sizes:
        return int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def command(arguments, allowed=(0,), environment=None):
    """Runs a program and returns its phase: CPU of it and of all that it started, peaks added up."""
    print("$", " ".join(map(str, arguments)), flush=True)
    began = time.monotonic()
    child = subprocess.Popen(
        list(map(str, arguments)), stdout=subprocess.DEVNULL, env=os.environ | (environment or {})
    )
    peak, done = [0], threading.Event()

    def watch():
        pause = FIRST_POLL_S
        while not done.wait(pause):
            peak[0] = max(peak[0], sum(memory_of(each)[0] for each in tree(child.pid)))
            pause = min(POLL_S, 1.1 * pause)

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - began
    done.set()
    watcher.join()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in allowed:
        sys.exit(f"peers: {arguments[0]} ended with {child.returncode}, expected one of {list(allowed)}")
    return Phase(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak_rss=peak[0])


def folder_bytes(folder):
    """Bytes of the files below a folder; a file with two names counts once."""
    sizes = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            stat = path.stat()
            sizes[stat.st_dev, stat.st_ino] = stat.st_size
    return sum(sizes.values())


def best(scores, row, score):
    """Keeps the largest score of a row, rounded so that the raw result stays small."""
    if score > scores[row]:
        scores[row] = round(float(score), 5)
