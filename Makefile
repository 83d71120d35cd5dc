# One command each. `make` opens the course; `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A worker for each core, four at most, since each takes up to 2.5 GB. A file, or a lesson, stays on one; the longest come first.
WORKERS := -n logical --maxprocesses 4 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder
PYTEST := $(BIN)/python -m pytest $(WORKERS)
# What outputs depend on stands in constraints.txt, exactly; what the course works with in pyproject.toml.
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := lab
.PHONY: help lab test test-code test-notebooks lint notebooks stale bench clean distclean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab: $(VENV)/.lab  ## Set up and open the first lesson in JupyterLab (also plain `make`)
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=notebooks --LabApp.default_url=/lab/tree/00_welcome.ipynb \
	  --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate $(LAB_OPTIONS)

test: lint  ## Set up and run everything: style, types, unit and browser tests, every notebook
	$(PYTEST) --nbval tests notebooks solutions

test-code: $(VENV)/.test  ## The tests in tests/
	$(PYTEST) tests

test-notebooks: $(VENV)/.test  ## Run every notebook and compare its outputs with the stored ones
	$(PYTEST) --nbval notebooks solutions

lint: $(VENV)/.test  ## Style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy course
	$(BIN)/lint-imports --no-cache

notebooks: $(VENV)/.test  ## Build notebooks/ and solutions/ from solutions/*.py (ONLY=03 builds one)
	$(BIN)/python -m course.authoring build $(ONLY)

stale: $(VENV)/.test  ## Say which built notebooks are older than their source
	$(BIN)/python -m course.authoring check

bench: $(VENV)/.bench  ## Measure speed; prints a table and writes benchmarks.json (about 10 minutes)
	$(BIN)/python -m tests.benchmarks

# The stamps make a second run quick: pip runs again only when a list of dependencies has changed.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v[:2] <= (3, 13) and \
	  f"Python 3.11, 3.12 or 3.13 is needed, and this is {v.major}.{v.minor}: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.lab: pyproject.toml constraints.txt $(VENV)/.python
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt $(VENV)/.python
	$(INSTALL) --editable ".[test,author]"
	@touch $@ $(VENV)/.lab

# Where CTranslate2 cannot be installed, everything else is measured.
$(VENV)/.bench: $(VENV)/.test
	$(INSTALL) --editable ".[bench]" && touch $@ || true

clean:  ## Remove caches and what runs have left behind (keeps .venv and runs/)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis benchmarks.json
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## clean, and remove .venv too
	rm -rf $(VENV)
