# opsagent. `make` alone lists what there is. Everything runs in .venv, which is built when it is missing or old.

SHELL := /bin/bash
PYTHON_IN := .venv/bin/python
CHECKED := opsagent memory/opsagent_memory tools/opsagent_tools evals/opsagent_evals tests
TESTS :=

.DEFAULT_GOAL := help
.PHONY: help demo test bench killed compare lint format lock clean ready ready-for-tests
.NOTPARALLEL:

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: ready  ## The whole story on this machine, in under two minutes
	@$(PYTHON_IN) -m opsagent demo

test: ready-for-tests lint  ## Every check and every test (TESTS=path: only those)
	@$(PYTHON_IN) -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder $(TESTS)

bench: ready-for-tests  ## Measure, and write docs/benchmarks.md
	@$(PYTHON_IN) -m tests.benchmarks.report

killed: ready-for-tests  ## Kill the agent at every moment of a repair (minutes)
	@EVERY_MOMENT=1 $(PYTHON_IN) -m pytest -q -o timeout=3600 tests/integration/agent/test_killed_at_each_step.py

compare: ready-for-tests  ## The faults beside PM2, Monit and a rule of thumb (JOBS=2: two at a time)
	@$(PYTHON_IN) -m tests.benchmarks.faults_beside $(FILE)

lint: ready  ## Style, types and the direction of imports
	@$(PYTHON_IN) -m ruff check --quiet .
	@$(PYTHON_IN) -m ruff format --check --quiet . || { echo "make format mends it" >&2; exit 1; }
	@$(PYTHON_IN) -m mypy --no-error-summary $(CHECKED)
	@said=$$(.venv/bin/lint-imports 2>&1) || { echo "$$said"; exit 1; }

format: ready  ## Lay the code out
	@$(PYTHON_IN) -m ruff check --quiet --fix .
	@$(PYTHON_IN) -m ruff format --quiet .

lock: ready  ## Write requirements.lock anew (UPGRADE=1: with newer versions)
	@.ci/lock $(if $(UPGRADE),upgrade)

clean:  ## Remove what was built or cached, .venv included where make built it
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmarks
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
	@[ ! -e .venv/.opsagent-made ] || rm -rf .venv

ready:
	@.ci/setup

ready-for-tests:
	@.ci/setup tests
