# Each target sets up what it needs in .venv with the versions of constraints.txt; nothing but Python 3.11 and make is asked for.
PYTHON ?=
VENV ?= .venv
PYTEST_ARGS ?=
DEMO_ARGS ?=
BENCH_ARGS ?=

CANDIDATES := $(or $(PYTHON),python3.11 python3 python3.12 python3.13 python3.14 python)
RUN := $(VENV)/bin/python -m
READY := $(VENV)/.ready
READY_BENCH := $(VENV)/.ready-bench
INSTALL := $(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test coverage lint bench soak format reference release gallery check-plugin clean
.DELETE_ON_ERROR:
unexport PYTHONPATH VIRTUAL_ENV PYTHONHOME HUB_CONFIG

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

demo: $(READY) ## Play the whole story on local stand-ins, no account needed
	$(VENV)/bin/hub demo $(DEMO_ARGS)

test: $(READY) ## Run all tests; PYTEST_ARGS="tests/store -x" narrows them
	$(RUN) pytest $(PYTEST_ARGS)

coverage: $(READY) ## Run the tests and show what they do not reach; PYTEST_ARGS narrows them
	$(RUN) pytest --cov --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

lint: $(READY) ## Check format, style, types, imports, dependencies and the generated reference
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry .
	$(VENV)/bin/python scripts/reference.py --check

soak: $(READY) ## Run the tests of endurance; HUB_TEST_KILLS, _COMMANDS, _SECONDS, _RECORDS give other figures
	$(RUN) pytest -m soak $(PYTEST_ARGS)

bench: $(READY_BENCH) ## Measure speed and memory
	$(RUN) bench $(BENCH_ARGS)

format: $(READY) ## Format the code and mend what can be mended without thought
	$(RUN) ruff check --fix-only --quiet .
	$(RUN) ruff format .

reference: $(READY) ## Write docs/reference anew from the code
	$(VENV)/bin/python scripts/reference.py

release: $(READY) ## Build packages, requirements with hashes, list of contents and sums into dist/
	$(VENV)/bin/python scripts/release.py dist

gallery: $(READY) ## Draw every built-in form into docs/gallery
	$(VENV)/bin/python scripts/gallery.py

check-plugin: $(READY) ## Make a plugin, install it as a distribution of its own and check it
	sh scripts/check_new_plugin.sh $(VENV)/bin/python

clean: ## Remove what the targets made
	rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml constraints.txt
	@set -e; found=; \
	for candidate in $(CANDIDATES); do \
	  if "$$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    found=$$candidate; break; fi; done; \
	if [ -z "$$found" ]; then \
	  echo "No Python 3.11 or newer with venv was found. Install one (on Debian: python3 and python3-venv)," >&2; \
	  echo "or name it: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; fi; \
	echo "Preparing $(VENV) with $$("$$found" --version); this takes a minute and is done once." >&2; \
	"$$found" -m venv $(VENV)
	$(INSTALL) --editable ".[dev,postgres]"
	@touch $@

$(READY_BENCH): $(READY)
	$(INSTALL) --editable ".[dev,postgres,bench]"
	@touch $@
