# make setup   a virtual environment in .venv with everything that the targets below need; as root
#              system packages too (a browser, fonts), else it says the command for them
# make run     set up, then start the main job
# make test    set up, then the tests
# make torture the random batches for long: CASES each, SEED to run the same ones again
# make lint    ruff and mypy, both strict    make format    let ruff rewrite
# make bench   the benchmarks                make lock      resolve requirements.lock again

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
BENCH  := $(VENV)/bench
MCP    := $(BENCH)/node
CASES  ?= 20000
SEED   ?= 0

.DEFAULT_GOAL := help
.PHONY: help setup run test torture lint format bench lock clean

help:
	@sed -n 's/^# //p' Makefile

setup: $(READY)
	@.ci/system

$(READY): pyproject.toml requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "setup: no $(PYTHON) here. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: $(PYTHON) is too old; Python 3.11 or newer is needed. Name one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "setup: virtual environment in $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "setup: python could not make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "setup: pinned dependencies from requirements.lock"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: setup
	@$(BIN)/toolloop start

test: setup
	@.ci/system tests
	@$(BIN)/python -m pytest -n 2

torture: setup
	@TOOLLOOP_CASES=$(CASES) $(BIN)/python -m pytest tests/scheduler/test_any_batch.py --hypothesis-seed=$(SEED) --timeout=0

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup $(BENCH)/.ready $(MCP)/.ready
	@$(BIN)/python -m benchmarks

$(BENCH)/.ready: benchmarks/requirements.txt benchmarks/miniwob/requirements.txt | $(READY)
	@echo "bench: what it compares with, in $(BENCH)"
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r benchmarks/miniwob/requirements.txt
	@touch $@

$(MCP)/.ready: benchmarks/playwright_mcp/package-lock.json | $(BENCH)/.ready
	@mkdir -p $(MCP)
	@cp benchmarks/playwright_mcp/package*.json $(MCP)
	@if command -v npm >/dev/null && npm ci --silent --ignore-scripts --no-audit --no-fund --prefix $(MCP); then touch $@; \
		else echo "bench: no npm, so without the comparison with Playwright MCP" >&2; fi

lock:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make lock" --all-extras --group dev \
		--output-file requirements.lock pyproject.toml
	@echo 'pydantic-ai-slim[anthropic]==2.68.0' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--constraint requirements.lock --output-file benchmarks/requirements.txt -

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
