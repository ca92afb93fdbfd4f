PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Directories are listed too: their times change when a file is added, renamed or removed.
SOURCES := pyproject.toml README.md LICENSE $(shell find src -name __pycache__ -prune -o -print)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two installs at once would break the environment that they share.
.NOTPARALLEL:
.PHONY: help demo test check format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.package ## train a small model on text and let it write
	$(BIN)/lstm demo text

# Each worker is one process on one core: threads inside it would fight for the cores.
test: $(VENV)/.package $(VENV)/.extra-test ## run tests and doctests on the installed wheel; ARGS go to pytest
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 \
	$(BIN)/pytest --numprocesses auto --maxprocesses 8 --dist worksteal $(ARGS)

check: $(VENV)/.package $(VENV)/.extra-dev ## verify format, lint, types and the import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.extra-dev ## format the code and fix what the linter can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean: ## remove everything that make and the tools wrote
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lstm needs Python 3.11 or newer, \
	and $(PYTHON) is %d.%d: name a newer one, as in make PYTHON=python3.11." % sys.version_info[:2])'
	$(PYTHON) -m venv --clear $(VENV)

# Never editable: what runs here is the wheel that users get.
$(VENV)/.package: $(SOURCES) | $(VENV)/pyvenv.cfg
	$(INSTALL) .
	@touch $@

# The package is installed by now, so pip adds only the dependencies of its extra.
$(VENV)/.extra-%: pyproject.toml | $(VENV)/.package
	$(INSTALL) 'lstm-kit[$*]'
	@touch $@
