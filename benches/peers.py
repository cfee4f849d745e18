"""herdbook and its peers at the same job on the same files, each on one core.

    python benches/peers.py REGISTERED.parquet CASES.parquet [--work DIR] [--herdbook PATH] [--decon PATH]
                            [--only NAME,…] [--again NAME,…] [--core N] [--page FILE] [--chart FILE.svg]
    python benches/peers.py --self-test [--herdbook PATH] [--decon PATH]

Every peer registers REGISTERED and then queries CASES, in a process of its own that `taskset` holds to
one core. What it found and what it cost is kept as JSON in DIR (default: .peers), so that a run that was
stopped goes on where it was, and one peer can be measured again (`--again rensa_lsh`). The tables are
printed, and put into FILE between its markers (default: nowhere).

- The main figure is documents per CPU second (user and system): a shared machine disturbs it least.
- *Registering* and *querying* begin with the Parquet file, or with JSONL made beforehand for decon,
  and end with the answer. Start of Python and loading of libraries are not counted.
- For tools that are driven from Python, reading, splitting into words and making grams is counted, and
  shown apart.
- Recall counts positives with at least 20 registered words left; short and ambiguous rows stand apart.

Linux only. benches/README.md says which columns the files need; decon is built from its repository.
"""

import argparse
import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

from labelled import default_binary, read_cases
from peers import NAMES, chart, selftest, tables
from peers.job import Job, digests, load, save

REPO = Path(__file__).resolve().parent.parent
ONE_THREAD = {name: "1" for name in (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "MKL_NUM_THREADS"
)}
DECON = "decon is not built: git clone https://github.com/allenai/decon && cargo build --release, then --decon PATH"


def module(name):
    return importlib.import_module(f"peers.{name}")


def programs(asked):
    """Paths of the programs by name; decon only where it was named."""
    found = {"herdbook": (asked.herdbook or default_binary()).resolve()}
    if asked.decon:
        found["decon"] = asked.decon.resolve()
    for name, path in found.items():
        if not os.access(path, os.X_OK):
            sys.exit(f"peers: {name}: no program at {path}")
    return found


def measure(name, asked, inputs):
    """Inside the child: runs one peer and keeps its result."""
    work = asked.work / name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    result = module(name).run(Job(asked.registered.resolve(), asked.cases.resolve(), work, programs(asked)))
    result.inputs = inputs
    save(asked.work / f"{name}.json", result)
    shutil.rmtree(work)


def child(name, asked):
    """Starts this script again for one peer, on one core."""
    command = [
        "taskset", "--cpu-list", str(asked.core), sys.executable, __file__, asked.registered, asked.cases,
        "--work", asked.work, "--child", name, "--herdbook", programs(asked)["herdbook"],
    ]
    if asked.decon:
        command += ["--decon", asked.decon]
    print(f"== {name}", flush=True)
    began = time.monotonic()
    code = subprocess.run(list(map(str, command)), env=os.environ | ONE_THREAD, check=False).returncode
    if code:
        sys.exit(f"peers: {name} ended with {code}")
    print(f"   {time.monotonic() - began:.0f} s", flush=True)


def results_of(asked, names):
    """The raw result of each peer: kept from an earlier run of the same inputs, or measured now."""
    inputs = digests(asked.registered, asked.cases)
    asked.work.mkdir(parents=True, exist_ok=True)
    results = []
    for name in NAMES:
        path = asked.work / f"{name}.json"
        # What is kept stays until its successor is whole.
        kept = None if name in asked.again else load(path, inputs)
        if kept is None and (name in names or name in asked.again):
            child(name, asked)
            kept = load(path, inputs)
        if kept is not None:
            results.append(kept)
    return results


def machine():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    total = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(encoding="utf-8"))
    return (f"{platform.machine()}, {model[1] if model else 'processor not named'}, {os.cpu_count()} cores, "
            f"{int(total[1]) / 1e6:.0f} GB memory, {platform.system()}, Python {platform.python_version()}")


def facts(asked, results):
    """What was run: machine, files, versions, and how each tool was called."""
    asking = ["git", "-C", REPO, "rev-parse", "--short=12", "HEAD"]
    commit = subprocess.run(asking, capture_output=True, text=True, check=False)
    sizes = measured_sizes(asked)
    lines = [
        f"- {time.strftime('%Y-%m-%d', time.gmtime())}, {machine()}; one core by `taskset`, one thread",
        f"- registered.parquet: {sizes[0]:,} outputs, {sizes[1] / 1e6:.1f} MB of text; cases.parquet: "
        f"{sizes[2]:,} cases, {sizes[3] / 1e6:.1f} MB of text",
        f"- commit of the checkout: {commit.stdout.strip() or 'not known'}",
    ]
    lines += [f"- {DECON}: not measured"] if all(result.peer != "decon" for result in results) else []
    lines += ["", "| tool | version | how it was called | calls |", "|---|---|---|---|"]
    for result in results:
        calls = "<br>".join(f"`{each}`" for each in result.commands)
        notes = "".join(f" ({each})" for each in result.notes)
        lines.append(f"| {module(result.peer).TITLE} | {result.version} | {result.how}{notes} | {calls} |")
    return "\n".join(lines)


def measured_sizes(asked):
    """Rows and bytes of UTF-8 text of both files."""
    sizes = []
    for path in (asked.registered, asked.cases):
        texts = pq.read_table(path, columns=["text"])["text"].to_pylist()
        sizes += [len(texts), sum(len(text.encode()) for text in texts)]
    return sizes


def report(asked, results):
    """The parts of the page by the name of their markers."""
    cases = read_cases(asked.cases)
    rows, size, _, case_size = measured_sizes(asked)
    titles = [module(result.peer).TITLE for result in results]
    measured = tables.Measured(results, titles, cases, rows, size, case_size)
    curves = tables.curves_of(results, cases)
    parts = {
        "run": facts(asked, results),
        "main": measured.main(),
        "ahead": measured.ahead() if results[0].peer == "herdbook" else "herdbook was not measured.",
        "curve": tables.at_equal_alarms(curves, cases, groups=True),
        "not above": tables.not_above(curves, cases),
        "transforms": tables.at_equal_alarms(curves, cases, groups=False),
    }
    if asked.chart:
        chart.draw(asked.chart, results, curves, cases)
    return parts


def fill(page, parts):
    """Puts each part between its markers; a page that lacks one is refused."""
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        pattern = re.compile(f"(<!-- begin: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
        if not pattern.search(text):
            sys.exit(f"peers: {page} has no markers <!-- begin: {name} --> and <!-- end: {name} -->")
        text = pattern.sub(lambda found: f"{found[1]}\n{part.strip()}\n\n{found[2]}", text)
    page.write_text(text, encoding="utf-8")


def self_test(asked):
    selftest.check_parts()
    with tempfile.TemporaryDirectory(prefix="herdbook-peers-") as folder:
        asked.registered, asked.cases = selftest.corpus(Path(folder))
        asked.work, asked.again, asked.chart = Path(folder) / "work", [], Path(folder) / "chart.svg"
        names = [name for name in NAMES if name in programs(asked) or name not in ("herdbook", "decon")]
        results = results_of(asked, names)
        selftest.check("all peers ran", [result.peer for result in results], names)
        selftest.check_results(results, read_cases(asked.cases))
        parts = report(asked, results)
        once = asked.chart.read_bytes()
        page = Path(folder) / "page.md"
        page.write_text("".join(f"<!-- begin: {name} -->\n<!-- end: {name} -->\n" for name in parts), encoding="utf-8")
        fill(page, parts)
        filled = page.read_text(encoding="utf-8")
        fill(page, report(asked, results))
        selftest.check("the page is the same twice", page.read_text(encoding="utf-8"), filled)
        selftest.check("the chart is the same twice", asked.chart.read_bytes(), once)
    print("self-test passed" + ("" if asked.decon else "; " + DECON))


def main():
    names = lambda text: [name for name in text.split(",") if name]
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("registered", type=Path, nargs="?")
    arguments.add_argument("cases", type=Path, nargs="?")
    arguments.add_argument("--herdbook", type=Path, help="the binary; default: the release build")
    arguments.add_argument("--decon", type=Path, help="the binary of allenai/decon; without it decon is left out")
    arguments.add_argument("--work", type=Path, default=REPO / ".peers", help="where raw results are kept")
    arguments.add_argument("--only", type=names, default=NAMES, help="measure only these: " + ",".join(NAMES))
    arguments.add_argument("--again", type=names, default=[], help="measure these although results are kept")
    arguments.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core to use")
    arguments.add_argument("--page", type=Path, help="put the tables into this page, between its markers")
    arguments.add_argument("--chart", type=Path, help="draw the curves into this SVG")
    arguments.add_argument("--self-test", action="store_true", help="run all peers over a dozen made-up rows")
    arguments.add_argument("--child", choices=NAMES, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    unknown = [name for name in [*asked.only, *asked.again] if name not in NAMES]
    if unknown:
        arguments.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if asked.self_test:
        return self_test(asked)
    if not asked.registered or not asked.cases:
        arguments.error("name REGISTERED.parquet and CASES.parquet, or --self-test")
    if asked.child:
        return measure(asked.child, asked, digests(asked.registered, asked.cases))
    wanted = [name for name in asked.only if name != "decon" or asked.decon]
    asked.again = [name for name in asked.again if name != "decon" or asked.decon]
    if len(wanted) < len(asked.only):
        print(f"peers: {DECON}", file=sys.stderr)
    results = results_of(asked, wanted)
    if not results:
        sys.exit("peers: nothing was measured and nothing is kept")
    parts = report(asked, results)
    if asked.page:
        fill(asked.page, parts)
    for name in ("run", "main", "ahead", "curve", "not above"):
        print(f"## {name}\n\n{parts[name]}\n")
    return None


if __name__ == "__main__":
    main()
