#!/usr/bin/env bash
# check-tools.sh [rust] [node] [cc]: says what is missing to build, and how to get it. Installs nothing.
set -u
[ $# -gt 0 ] || set -- rust node cc
missing=0

# newer HAVE WANT: whether version HAVE is WANT or later.
newer() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

say() { printf '%s\n' "$*" >&2; missing=1; }

for tool in "$@"; do
  case $tool in
  rust)
    have=$(rustc --version 2>/dev/null | cut -d' ' -f2)
    if ! command -v cargo >/dev/null || [ -z "$have" ]; then
      say "missing: Rust 1.95 or later. Install it from https://rustup.rs, then open a new shell."
    elif ! newer "${have%%-*}" 1.95.0; then
      say "too old: Rust $have; 1.95 or later is needed. Run: rustup update stable"
    fi
    ;;
  node)
    have=$(node --version 2>/dev/null | tr -d v)
    if [ -z "$have" ] || ! command -v npm >/dev/null; then
      say "missing: Node.js 20.19 or later with npm (for the web page). See https://nodejs.org/en/download"
    elif ! newer "$have" 20.19.0; then
      say "too old: Node.js $have; 20.19 or later is needed. See https://nodejs.org/en/download"
    fi
    ;;
  cc)
    if ! command -v "${CC:-cc}" >/dev/null && ! command -v gcc >/dev/null && ! command -v clang >/dev/null; then
      say "missing: a C compiler (for SQLite and the cryptography). On Debian: apt-get install build-essential"
    fi
    ;;
  *)
    say "check-tools.sh: unknown tool $tool"
    ;;
  esac
done
exit $missing
