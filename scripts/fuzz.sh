#!/usr/bin/env bash
# Fuzzes every target of src/fuzzing for so many seconds each, from the kept seeds and from what
# earlier runs on this machine found:
#
#   scripts/fuzz.sh 20               every target, 20 seconds each
#   scripts/fuzz.sh 600 rows text    these two, ten minutes each
#
# Ends with a line per target: inputs tried. A finding fails it, and names the file that shows it.
# The compiled program and what was found interesting are kept in $HERDBOOK_FUZZ_TARGET, by default
# beside CARGO_TARGET_DIR, else in fuzz/target. HERDBOOK_FUZZ_SANITIZER=address also watches memory.
# HERDBOOK_FUZZ_SEED=1 forgets what was found before and draws the same inputs again, as far as it gets.
#
# Where neither nightly Rust nor cargo-fuzz is there and neither can be fetched, nothing is fuzzed, a
# line says so, and the kept seeds go through the same properties as an ordinary test.
# HERDBOOK_FUZZ=required makes that a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'fuzz: %s\n' "$*"; }

seconds=${1:-20}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { say "usage: scripts/fuzz.sh SECONDS [TARGET…]" >&2; exit 2; }
shift || true
names=("$@")
if [ ${#names[@]} = 0 ]; then mapfile -t names < <(ls fuzz/seeds); fi
for name in "${names[@]}"; do
  [ -d "fuzz/seeds/$name" ] || { say "no target $name" >&2; exit 2; }
done

if ! scripts/setup.sh fuzz; then
  say "NOT FUZZED: nightly Rust or cargo-fuzz is missing and could not be fetched; only the kept seeds are run"
  [ "${HERDBOOK_FUZZ:-}" != required ] || exit 1
  exec cargo test --release --locked --lib -- fuzzing::
fi

# What the tests build with and what is built here have nothing in common.
target=${HERDBOOK_FUZZ_TARGET:-}
[ -n "$target" ] || { [ -n "${CARGO_TARGET_DIR:-}" ] && target=$(dirname "$CARGO_TARGET_DIR")/fuzz-target; }
target=${target:-$PWD/fuzz/target}
unset CARGO_TARGET_DIR
mkdir -p "$target"
target=$(cd "$target" && pwd)
# Readers read files: in memory, where there is such a folder.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm

# cargo-fuzz asks for one codegen unit, which leaves all cores but one idle while the largest crates
# compile.
options=(--target-dir "$target" --sanitizer "${HERDBOOK_FUZZ_SANITIZER:-none}" --codegen-units 16)
say "building into $target"
from=$SECONDS
cargo +nightly fuzz build "${options[@]}" property
say "built in $((SECONDS - from)) s"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

corpus=$target/corpus drawn=()
if [ -n "${HERDBOOK_FUZZ_SEED:-}" ]; then corpus=$logs/corpus drawn=("-seed=$HERDBOOK_FUZZ_SEED"); fi

# One target; its words go into a file of its own. Chosen limits: an input takes milliseconds, and a
# few kilobytes have no use for half a gigabyte.
fuzz_one() {
  local name=$1
  mkdir -p "$corpus/$name" "$target/findings/$name"
  HERDBOOK_FUZZ_PROPERTY=$name cargo +nightly fuzz run "${options[@]}" property \
    "$corpus/$name" "fuzz/seeds/$name" -- "${drawn[@]}" \
    -max_total_time="$seconds" -max_len=16384 -len_control=10 -timeout=20 -malloc_limit_mb=512 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$target/findings/$name/" \
    >"$logs/$name" 2>&1 || touch "$logs/$name.failed"
}

# As many at a time as there are cores; each uses one, most of the time.
jobs=$(getconf _NPROCESSORS_ONLN)
for name in "${names[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
  fuzz_one "$name" &
done
wait

failed=0
for name in "${names[@]}"; do
  [ -e "$logs/$name.failed" ] || continue
  failed=1
  tail -n 60 "$logs/$name"
  say "FOUND: $name. Once repaired, keep the input: cp FILE fuzz/seeds/$name/found-a-name-for-it"
  ls "$target/findings/$name"
done
[ "$failed" = 0 ] || exit 1
say "no finding; inputs tried in $seconds s each, $jobs at a time:"
for name in "${names[@]}"; do
  printf '%12s  %s\n' "$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$name")" "$name"
done
