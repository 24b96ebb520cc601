#!/usr/bin/env bash
# Formatting, clippy, the rules of the house, freshness of generated files; dependency checks where
# their tools are installed. Stops at the first failure.
set -eu
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo clippy --release --workspace --all-targets -- -D warnings
cargo run -q --release -p xtask -- tidy
cargo run -q --release -p xtask -- codegen --check
cargo run -q --release -p xtask -- requirements --check
if cargo deny --version >/dev/null 2>&1; then
  cargo deny --all-features check
else
  echo "cargo-deny is not installed: licences and advisories not checked (cargo install cargo-deny)"
fi
if cargo machete --version >/dev/null 2>&1; then
  cargo machete
else
  echo "cargo-machete is not installed: unused dependencies not checked (cargo install cargo-machete)"
fi
