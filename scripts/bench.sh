#!/usr/bin/env bash
# Criterion benchmarks of every crate that has a benches/ folder, then every scripts/bench-*.sh.
# Figures worth keeping go into docs/performance.md, with the CPU model printed here.
set -eu
cd "$(dirname "$0")/.."

echo "CPU: $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
for folder in crates/*/benches; do
  [ -d "$folder" ] || continue
  crate=$(basename "$(dirname "$folder")")
  cargo bench -p "$crate" --benches
done
for script in scripts/bench-*.sh; do
  [ ! -x "$script" ] || "$script"
done
