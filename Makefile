# Daybook: `make run` to try it, `make test` before a commit.

PYTHON  ?= python3
VENV    ?= .venv
PORT    ?= 8000
WORKERS ?= 2
ARGS    ?=

UV  := $(shell command -v uv 2>/dev/null)
BIN := $(VENV)/bin
PY  := $(BIN)/python

ifdef UV
INSTALL = $(UV) pip install --quiet --python $(PY)
else
INSTALL = $(PY) -m pip install -qq --disable-pip-version-check
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run install install-dev test nightly faults load gates lint format bench clean

help:
	@echo "make run      install what is pinned, bring the database up to date, add demo data, serve on PORT=$(PORT) with a worker"
	@echo "make test     the gates, then every test on SQLite and on PostgreSQL (ARGS='-k word' to narrow)"
	@echo "make nightly  what tries cases at random, at length: the lifecycle's properties, the API's document, nasty texts in every field, on both engines"
	@echo "make faults   kills, races and faults at length against real processes, on both engines (ARGS='--kills 60'), as a table"
	@echo "make load     load on the real site over PostgreSQL (ARGS='memory', 'grid' or 'board'), as tables"
	@echo "make lint     the gates alone: ruff, mypy, layers, templates"
	@echo "make format   let ruff rewrite what it can"
	@echo "make bench    the measurements in tests/benchmarks"
	@echo "make clean    remove the virtual environment and every cache; the data stays where it is"

$(PY):
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Daybook needs Python 3.11 or newer, this is {v[0]}.{v[1]}: make PYTHON=python3.12")'
	@echo "Making $(VENV)"
ifdef UV
	@$(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV)
else
	@$(PYTHON) -m venv $(VENV)
endif

# The stamps are younger than the files they were made from, so an unchanged pin installs nothing.
$(VENV)/.stamp-runtime: requirements.txt pyproject.toml | $(PY)
	@echo "Installing requirements.txt"
	@$(INSTALL) -r requirements.txt
	@$(INSTALL) --no-deps -e .
	@touch $@

$(VENV)/.stamp-dev: requirements-dev.txt $(VENV)/.stamp-runtime
	@echo "Installing requirements-dev.txt"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

install: $(VENV)/.stamp-runtime ; @:
install-dev: $(VENV)/.stamp-dev ; @:

run: install
	@$(BIN)/daybook db upgrade
	@$(BIN)/daybook demo --if-empty
	@PORT=$(PORT) $(BIN)/daybook serve --with-worker

gates: install-dev
	@echo "ruff";      $(BIN)/ruff check --quiet --output-format concise .
	@echo "format";    $(BIN)/ruff format --quiet --check .
	@echo "mypy";      $(BIN)/mypy --no-error-summary
	@echo "layers";    $(BIN)/lint-imports --no-cache > $(VENV)/lint-imports.log 2>&1 || { cat $(VENV)/lint-imports.log; exit 1; }
	@echo "templates"; $(PY) -m tests.support.templates

lint: gates

format: install-dev
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

test: gates
	@$(PY) -m pytest -q -n $(WORKERS) $(ARGS)

nightly: install-dev
	@HYPOTHESIS_PROFILE=nightly DAYBOOK_FUZZ=20000 $(PY) -m pytest -q -s -n $(WORKERS) tests/lifecycle/test_properties.py tests/api/test_schema.py tests/attack/test_fuzz.py $(ARGS)

faults: install-dev
	@$(PY) -m tests.faults $(ARGS)

load: install-dev
	@$(PY) -m tests.load $(ARGS)

bench: install-dev
	@$(PY) -m pytest -q -s -m benchmark tests $(ARGS)

clean:
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find webapp migrations tests -name __pycache__ -type d -prune -exec rm -rf {} +
