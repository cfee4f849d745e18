#!/usr/bin/env bash
# Installs what a build and the tests need, and nothing else. Safe to run again: it looks first, and
# is done in well under a second when everything is there. It never asks a question.
#
#   scripts/setup.sh build    a C++ compiler and libclang (RocksDB's bindings are generated)
#   scripts/setup.sh python   .venv with fixtures/requirements.txt (the tests read Parquet that pyarrow
#                             wrote, and have others verify the audit log and attestations)
#   scripts/setup.sh node     tests/outside/node_modules (sigstore-js verifies attestations) and a
#                             Chromium (reports are looked at; HERDBOOK_CHROMIUM=/path names another)
#   scripts/setup.sh          all of it
#   scripts/setup.sh fuzz     nightly Rust and cargo-fuzz, which only scripts/fuzz.sh needs
#
# HERDBOOK_PYTHON=/path/to/python uses that interpreter, which must have those, instead of .venv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Runs apt-get without a question. Refreshes the package lists only when the first try fails.
apt_install() {
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then sudo=(sudo -n); else
      die "please install: sudo apt-get install -y $*"
    fi
  fi
  say "installing $* (apt-get)"
  local run=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
  "${run[@]}" install -y --no-install-recommends "$@" >/dev/null 2>&1 && return
  "${run[@]}" update >/dev/null && "${run[@]}" install -y --no-install-recommends "$@" >/dev/null ||
    die "apt-get could not install: $*; install it by hand, then run this again"
}

have_cxx() { command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null; }

# The shared library alone is not enough: bindgen also reads clang's own headers (stddef.h).
have_libclang() {
  [ -n "${LIBCLANG_PATH:-}" ] && return 0
  if [ "$(uname -s)" = Darwin ]; then
    local tools
    tools=$(xcode-select -p 2>/dev/null) || return 1
    [ -e "$tools/usr/lib/libclang.dylib" ] ||
      [ -e "$tools/Toolchains/XcodeDefault.xctoolchain/usr/lib/libclang.dylib" ] ||
      [ -e /opt/homebrew/opt/llvm/lib/libclang.dylib ] || [ -e /usr/local/opt/llvm/lib/libclang.dylib ]
    return
  fi
  any_file /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/*-linux-gnu*/libclang*.so* /usr/lib64/libclang*.so* \
    /usr/lib/libclang*.so* /usr/local/lib/libclang*.so* &&
    any_file /usr/lib/llvm-*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h \
      /usr/lib64/clang/*/include/stddef.h /usr/local/lib/clang/*/include/stddef.h
}
any_file() { local f; for f in "$@"; do [ -e "$f" ] && return 0; done; return 1; }

setup_build() {
  command -v cargo >/dev/null || die "please install Rust: https://rustup.rs"
  if have_cxx && have_libclang; then return; fi
  if command -v apt-get >/dev/null; then
    have_cxx || apt_install g++
    have_libclang || apt_install libclang-dev
  elif [ "$(uname -s)" = Darwin ]; then
    die "please install the compiler and libclang: xcode-select --install"
  else
    die "please install a C++ compiler and libclang (Fedora: dnf install gcc-c++ clang-devel; Arch: pacman -S gcc clang)"
  fi
}

has_packages() {
  "$1" -c 'import pyarrow.parquet, pymerkle, securesystemslib, in_toto_attestation, cyclonedx, jsonschema, openlineage.client, mlcroissant' >/dev/null 2>&1 &&
    [ -x "$(dirname "$1")/go" ]
}

setup_python() {
  if [ -n "${HERDBOOK_PYTHON:-}" ]; then
    has_packages "$HERDBOOK_PYTHON" ||
      die "HERDBOOK_PYTHON=$HERDBOOK_PYTHON lacks a package of fixtures/requirements.txt; pip install -r it there, or unset the variable"
    return
  fi
  if has_packages .venv/bin/python; then return; fi
  command -v python3 >/dev/null || die "please install Python 3.10 or newer"
  if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
    command -v apt-get >/dev/null || die "please install Python's venv module"
    apt_install python3-venv
  fi
  say "making .venv with fixtures/requirements.txt"
  rm -rf .venv
  python3 -m venv .venv
  # Wheels only, so that nothing is compiled; one dependency of mlcroissant, pure Python, has none.
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
    --no-binary jsonpath-rw -r fixtures/requirements.txt || die "pip could not install fixtures/requirements.txt into .venv"
  has_packages .venv/bin/python || die ".venv was made, but a package of fixtures/requirements.txt cannot be imported from it"
}

have_browser() {
  [ -n "${HERDBOOK_CHROMIUM:-}" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
    command -v google-chrome >/dev/null || [ -d '/Applications/Google Chrome.app' ]
}

setup_node() {
  if ! have_browser; then
    command -v apt-get >/dev/null || die "please install Chromium, or name it in HERDBOOK_CHROMIUM"
    apt_install chromium fonts-liberation
  fi
  if [ -d tests/outside/node_modules/@sigstore/verify ] && [ -d tests/outside/node_modules/axe-core ] &&
    [ -d tests/outside/node_modules/puppeteer-core ]; then return; fi
  if ! command -v npm >/dev/null && command -v apt-get >/dev/null; then apt_install nodejs npm; fi
  command -v npm >/dev/null || die "please install Node.js 20.17 or newer, with npm"
  say "installing tests/outside/package-lock.json (npm)"
  (cd tests/outside && npm ci --silent --ignore-scripts --no-audit --no-fund >/dev/null 2>&1) ||
    die "npm could not install tests/outside/package-lock.json"
}

# Version that the counts in docs/fuzzing.md were made with.
cargo_fuzz=0.13.2

setup_fuzz() {
  setup_build
  if ! cargo +nightly --version >/dev/null 2>&1; then
    command -v rustup >/dev/null || die "fuzzing needs nightly Rust: https://rustup.rs"
    say "installing nightly Rust (rustup)"
    rustup toolchain install nightly --profile minimal >/dev/null 2>&1 ||
      die "rustup could not fetch the nightly toolchain"
  fi
  if ! cargo fuzz --version >/dev/null 2>&1; then
    say "installing cargo-fuzz $cargo_fuzz (cargo install)"
    cargo install --quiet --locked --version "$cargo_fuzz" cargo-fuzz ||
      die "cargo could not install cargo-fuzz"
  fi
}

case "${1:-all}" in
  fuzz) setup_fuzz ;;
  build) setup_build ;;
  python) setup_python ;;
  node) setup_node ;;
  all) setup_build; setup_python; setup_node ;;
  *) die "usage: scripts/setup.sh [build|python|node|fuzz]" ;;
esac
