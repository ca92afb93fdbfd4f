PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

CXX_FILES := $(wildcard cpp/*.cpp cpp/*.h cpp/*.inl cpp/tests/*.cpp)
# Directories are listed too: their times change when a file is added, renamed or removed.
SOURCES := pyproject.toml CMakeLists.txt README.md LICENSE $(wildcard cpp/*.*) \
	$(shell find src -name __pycache__ -prune -o -print)
# Builds with the tools of the environment, in a folder that stays, so that CMake compiles only what
# has changed. scikit-build-core fills in the braces. The folder of the package belongs to its
# environment: another compiler takes another one, make test VENV=build/clang CXX=clang++.
BUILD := $(INSTALL) --no-build-isolation --config-settings=build-dir=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two installs at once would break the environment that they share.
.NOTPARALLEL:
.PHONY: help demo test check docs sanitize bench format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.package ## train a small model on text and let it write
	$(BIN)/lstm demo text

# Each worker is one process on one core: threads inside it would fight for the cores.
test: $(VENV)/.package $(VENV)/.extra-test ## run tests and doctests on the installed wheel; ARGS go to pytest
	LSTM_NUM_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 \
	$(BIN)/pytest --numprocesses auto --maxprocesses 8 --dist worksteal $(ARGS)

check: $(VENV)/.package $(VENV)/.extra-dev ## verify format, lint, types and the import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/clang-format --dry-run --Werror $(CXX_FILES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# Each page runs in a process of its own, as many at once as there are cores. Sphinx reads only pages
# that have changed, all of them after a change of the library, or after a failure: otherwise a page
# with a problem would count as read, and the next build would succeed.
docs: $(VENV)/.package $(VENV)/.extra-docs ## build the documentation, with what its code computes and draws
	LSTM_NUM_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 \
	$(BIN)/sphinx-build --fail-on-warning --keep-going --jobs auto -b html -c docs -d build/doctrees . build/site \
	  || { rm -rf build/doctrees; exit 1; }
	$(BIN)/python docs/check_links.py build/site
	@echo "It is in $(CURDIR)/build/site/index.html"

# Builds the package once more, with the sanitizers of GCC, in a folder that goes before the installed
# one. Their library has to be there from the start, and C++'s with it. Python's own allocator would
# hide errors from them; that Python never frees some memory is no leak. Their reports go past
# pytest, which would keep those of a process that ends in one. Too large an array is no error of ours.
sanitize: $(VENV)/.package $(VENV)/.extra-test ## look for memory errors, undefined behaviour and data races in the C++; ARGS go to pytest
	CXX=g++ $(BUILD)build/sanitize/{wheel_tag} --config-settings=cmake.build-type=RelWithDebInfo \
		--config-settings=cmake.define.LSTM_SANITIZE=address,undefined \
		--no-deps --upgrade --target build/sanitize/site .
	PYTHONPATH=build/sanitize/site PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
	LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --capture sys -k native $(ARGS)
	for test in thread_pool_test hammer; do \
		g++ -std=c++17 -O1 -g -fsanitize=thread -pthread -Icpp -DLSTM_ISA=baseline \
			cpp/tests/$$test.cpp $(filter-out cpp/bindings%.cpp,$(wildcard cpp/*.cpp)) \
			-o build/sanitize/$$test && build/sanitize/$$test || exit 1; \
	done

bench: $(VENV)/.package $(VENV)/.extra-bench ## measure speed against other libraries; ARGS go to benchmarks/run.py
	$(BIN)/python benchmarks/run.py $(ARGS)

format: $(VENV)/.extra-dev ## format the code and fix what the linter can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CXX_FILES)

clean: ## remove everything that make and the tools wrote
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lstm needs Python 3.11 or newer, \
	and $(PYTHON) is %d.%d: name a newer one, as in make PYTHON=python3.11." % sys.version_info[:2])'
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.build-tools: pyproject.toml | $(VENV)/pyvenv.cfg
	$(INSTALL) cmake ninja $$($(BIN)/python -c 'import tomllib; \
		print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')
	@touch $@

# Never editable: what runs here is the wheel that users get.
$(VENV)/.package: $(SOURCES) | $(VENV)/.build-tools
	$(BUILD)$(VENV)/build/{wheel_tag} .
	@touch $@

# The package is installed by now, so pip adds only the dependencies of its extra.
$(VENV)/.extra-%: pyproject.toml | $(VENV)/.package
	$(INSTALL) 'lstm-kit[$*]'
	@touch $@
