#!/usr/bin/env bash
# Builds the web page into web/dist, if it is missing or older than its sources.
set -eu
cd "$(dirname "$0")/../web" 2>/dev/null && [ -f package.json ] || { echo "no web/: the server shows a plain page"; exit 0; }

if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "web: npm ci"
  npm ci --no-audit --no-fund --loglevel=error
fi
newest=$(find . -path ./node_modules -prune -o -path ./dist -prune -o -path ./e2e -prune -o \
  -type f -newer dist/index.html -print -quit 2>/dev/null || true)
if [ ! -f dist/index.html ] || [ -n "$newest" ]; then
  echo "web: npm run build"
  npm run build --silent
fi
