# The five commands of a checkout. Each says first what is missing; the work is in scripts/.
.PHONY: run test lint bench agent
MAKEFLAGS += --no-print-directory

# A server, an agent for this machine and a small simulated fleet. Ctrl-C stops everything.
run:
	@scripts/check-tools.sh rust node cc
	@scripts/build-web.sh
	cargo build --release -p cusp -p agent
	@exec target/release/cusp demo

# Every test: Rust, web, browser. The last line is `N passed, N failed`.
test:
	@scripts/check-tools.sh rust node cc
	@scripts/test.sh

lint:
	@scripts/check-tools.sh rust cc
	@scripts/lint.sh

bench:
	@scripts/check-tools.sh rust cc
	@scripts/bench.sh

# The size-optimised device agent: target/agent/cusp-agent. A call of its own, because features of
# other packages would make it larger.
agent:
	@scripts/check-tools.sh rust cc
	cargo build --profile agent -p agent
	@ls -l target/agent/cusp-agent
