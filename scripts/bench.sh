#!/usr/bin/env bash
# Every benchmark: those of the crates that have a benches/ folder, then every scripts/bench-*.sh. What they
# measure is printed once more at the end, as the rows of docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."

load=$(cut -d " " -f 1 /proc/loadavg)
told=$(mktemp)
trap 'rm -f "$told"' EXIT
cargo build --release -p agent
# For the cold read of this machine's own tree.
export CUSP_AGENT="${CARGO_TARGET_DIR:-$PWD/target}/release/cusp-agent"
for folder in crates/*/benches; do
  [ -d "$folder" ] || continue
  crate=$(basename "$(dirname "$folder")")
  cargo bench -p "$crate" --benches | tee -a "$told"
done
for script in scripts/bench-*.sh; do
  [ ! -x "$script" ] || "$script" | tee -a "$told"
done

printf '\n%s; the load before was %s\n' "$(date --utc +'%Y-%m-%d %H:%M UTC')" "$load"
grep -m 1 '^CPU: ' "$told"
grep '^SHA-256 ' "$told"
printf '\n| what | measured |\n|---|---|\n'
grep '^| ' "$told"
