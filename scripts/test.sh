#!/usr/bin/env bash
# Every test of the project, in one build profile (release): Rust, web, browser, lints.
#
# Each stage is bounded in time, prints one line, and keeps its log in target/ci/; a failing stage
# shows the end of its log, and the others still run. The last line of the output is
# `N passed, N failed`: tests, and one failure more for each stage that failed without counting any.
set -u
cd "$(dirname "$0")/.."
logs=target/ci
mkdir -p "$logs"
passed=0
failed=0

have() { command -v "$1" >/dev/null 2>&1; }

# count LOG: prints "P F S" for the test counts in a log: how many passed and failed, and how many
# summaries there were. It knows nextest, cargo test, and lines that say `N passed, N failed`.
count() {
  sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    /^ *Summary \[/ || /^test result: / || /^[0-9]+ passed, [0-9]+ failed$/ {
      summaries++
      for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^failed/ || ($i == "timed" && $(i + 1) ~ /^out/) || ($i == "exec" && $(i + 1) ~ /^failed/)) failed += $(i - 1)
      }
    }
    END { print passed + 0, failed + 0, summaries + 0 }'
}

# stage NAME SECONDS COMMAND...: runs a bounded command; returns its exit code.
stage() {
  local name=$1 limit=$2 log started code p f s
  shift 2
  log=$logs/$name.log
  started=$SECONDS
  timeout --kill-after=10 "$limit" "$@" >"$log" 2>&1 </dev/null
  code=$?
  read -r p f s < <(count "$log")
  passed=$((passed + p))
  failed=$((failed + f))
  if [ $code -eq 0 ] && [ "$f" -eq 0 ]; then
    printf '%-16s ok      %5ds%s\n' "$name" $((SECONDS - started)) "$([ "$s" -eq 0 ] || echo "  $p passed")"
    return 0
  fi
  [ "$f" -gt 0 ] || failed=$((failed + 1))
  [ $code -ne 124 ] || echo "stopped after $limit seconds" >>"$log"
  printf '%-16s FAILED  %5ds  %d passed, %d failed (exit code %d)\n' "$name" $((SECONDS - started)) "$p" "$f" $code
  echo "--- last lines of $log"
  tail -n 100 "$log"
  echo "---"
  return 1
}

skip() { printf '%-16s skipped: %s\n' "$1" "$2"; }

# --- what the browser tests need, and the real peers of the transports
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
packages=
[ ! -f web/package.json ] || [ -n "$chromium" ] || packages="$packages chromium"
[ -x /usr/sbin/mosquitto ] || have mosquitto || packages="$packages mosquitto"
have mosquitto_sub || packages="$packages mosquitto-clients"
[ -d /usr/lib/rabbitmq/lib ] || have rabbitmq-server || packages="$packages rabbitmq-server"
[ -x /usr/sbin/dnsmasq ] || packages="$packages dnsmasq-base"
[ -x /usr/sbin/udhcpc ] || packages="$packages udhcpc"
have ip || packages="$packages iproute2"
have coap-client || have coap-client-notls || packages="$packages libcoap3-bin"
have python3 && python3 -c 'import ensurepip' 2>/dev/null || packages="$packages python3 python3-venv"
[ -f /usr/share/activemq/bin/activemq.jar ] || packages="$packages activemq"
if [ -n "$packages" ]; then
  if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] && have apt-get; then
    echo "installing the Debian packages:$packages"
    stage packages 600 sh -c "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qy --no-install-recommends $packages"
    # The tests start brokers of their own: the service that comes with the package is not wanted.
    case "$packages" in *mosquitto*) systemctl disable --now mosquitto >/dev/null 2>&1 || true ;; esac
    case "$packages" in *rabbitmq*) systemctl disable --now rabbitmq-server >/dev/null 2>&1 || true ;; esac
    case "$packages" in *activemq*) systemctl disable --now activemq >/dev/null 2>&1 || true ;; esac
    chromium=$(command -v chromium || true)
  else
    echo "missing, and tests fail without it:$packages (on Debian: apt-get install$packages)"
  fi
fi

# --- a peer for CoAP that Debian does not have, in a folder of its own
if ! "$PWD/target/ci/aiocoap/bin/python3" -c 'import aiocoap' 2>/dev/null; then
  stage aiocoap 300 sh -c "python3 -m venv --clear $logs/aiocoap && $logs/aiocoap/bin/pip install --disable-pip-version-check aiocoap==0.4.17"
fi

# --- the page, first: the server embeds it
web=no
if [ -f web/package.json ]; then
  stage web-install 600 npm --prefix web ci --no-audit --no-fund &&
    stage web-build 300 npm --prefix web run build &&
    web=yes
  [ $web = no ] || stage web-test 300 npm --prefix web test
else
  skip web "there is no web/package.json"
fi

# --- lints that need a component of the toolchain
if cargo fmt --version >/dev/null 2>&1; then
  stage fmt 60 cargo fmt --all --check
else
  skip fmt "rustfmt is not installed (rustup component add rustfmt)"
fi

# --- one build for everything below: the same packages and targets, so that nothing is built twice
built=no
stage build 1500 cargo build --release --workspace --lib --bins --tests && built=yes

if [ $built = yes ]; then
  stage tidy 60 target/release/xtask tidy
  stage codegen 120 target/release/xtask codegen --check
  stage requirements 60 target/release/xtask requirements --check
  if cargo nextest --version >/dev/null 2>&1; then
    stage rust 1200 cargo nextest run --release --workspace --no-fail-fast
  else
    stage rust 1200 cargo test --release --workspace --no-fail-fast --lib --bins --tests
  fi
  stage rust-doc 600 cargo test --release --workspace --doc --no-fail-fast
  if [ $web = no ]; then
    skip browser "the page was not built"
  elif [ -z "$chromium" ]; then
    skip browser "chromium is not installed"
  else
    stage browser 600 npm --prefix web run e2e
  fi
fi

if cargo clippy --version >/dev/null 2>&1; then
  stage clippy 900 cargo clippy --release --workspace --all-targets -- -D warnings
else
  skip clippy "clippy is not installed (rustup component add clippy)"
fi

echo "all stages: ${SECONDS}s; logs in $logs/"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
