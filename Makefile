# Everything a developer types, from a fresh clone with only make and Python (3.10 or newer):
# `make` alone lists it. Each target keeps an environment of its own under .venv/, made once per
# interpreter and per set of pinned versions. What is tested and shown is always the wheel.
#
#   make test PYTHON=/path/to/python3.12      with another interpreter
#   make test ARGS="-k manifest -x"           with arguments for pytest
#   make test CONSTRAINTS=                    with the newest of every dependency

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-long test-clients test-readers test-spark test-oldest check format bench build \
	scripts constraints clean no-python

# The checkout's sources must not shadow the installed wheel.
unexport PYTHONPATH PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# An interpreter counts only when it runs, is new enough and can make environments.
PROBE := import sys, ensurepip, sqlite3, venv; \
	print("%d.%d.%d" % sys.version_info[:3]) if sys.version_info >= (3, 10) else sys.exit(1)

ifeq ($(strip $(PYTHON)),)
PYTHON := $(shell for python in python3.13 python3.12 python3.11 python3.10 python3; do \
	$$python -c '$(PROBE)' >/dev/null 2>&1 && { echo $$python; break; }; done)
endif
# The one place that needs no interpreter to be there.
ifneq ($(filter-out help clean,$(or $(MAKECMDGOALS),$(.DEFAULT_GOAL))),)
PYVERSION := $(shell '$(PYTHON)' -c '$(PROBE)' 2>/dev/null)
endif

# Pinned versions, so that today's result is tomorrow's; the package itself has lower bounds only.
NEWEST_PINS := constraints/$(if $(filter 3.10.%,$(PYVERSION)),py310,py311plus).txt
CONSTRAINTS ?= $(NEWEST_PINS)
PINS := $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))
# The name of an environment tells what is in it.
FLAVOUR := $(or $(PYVERSION),none)-$(or $(basename $(notdir $(CONSTRAINTS))),newest)

BUILD := .venv/build-$(or $(PYVERSION),none)
TEST := .venv/test-$(FLAVOUR)
CHECK := .venv/check-$(FLAVOUR)
DEMO := .venv/demo-$(FLAVOUR)
BENCH := .venv/bench-$(FLAVOUR)
CLIENTS := .venv/clients-$(or $(PYVERSION),none)
SPARK := .venv/spark-$(or $(PYVERSION),none)
READERS := .venv/readers-$(or $(PYVERSION),none)
# Azure's emulator, for the tests where Node and npm are; the others are Python packages.
AZURITE_VERSION := 3.35.0
AZURITE := .venv/azurite-$(AZURITE_VERSION)

# -qq leaves pip its errors and takes its warnings, such as those about absent wheel folders.
PIP_INSTALL = -m pip install -qq --no-input $(PINS)
WHEEL_FILE = $(firstword $(wildcard .venv/wheel/*.whl))
SOURCES := $(shell find src -not -name __pycache__ -not -name '*.pyc' 2>/dev/null)
RECIPE_FILES := pyproject.toml Makefile $(CONSTRAINTS)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(DEMO)/wheel ## render and query a synthetic project into ./demo-output
	@$(DEMO)/bin/fw-dataset demo $(ARGS)

test: $(TEST)/wheel $(AZURITE)/asked ## run the tests against the built wheel
	FW_DATASET_TEST_WHEEL=1 $(TEST)/bin/python -m pytest $(ARGS)

test-long: $(TEST)/wheel $(AZURITE)/asked ## run all tests, the slow ones too, with more random examples
	FW_DATASET_TEST_WHEEL=1 $(TEST)/bin/python -m pytest -m "slow or not slow" \
		--hypothesis-profile=long --timeout=3600 $(ARGS)

# Clients that others wrote, in an environment of their own: they want older packages than we have.
test-clients: $(TEST)/wheel $(CLIENTS)/ready ## try the service with the clients of others (Python 3.11 or newer)
	FW_DATASET_TEST_WHEEL=1 FW_DATASET_DATA_CONNECT_PYTHON=$(abspath $(CLIENTS))/bin/python \
		$(TEST)/bin/python -m pytest tests/serve/test_clients.py $(ARGS)

# A server with Java in it, hundreds of megabytes, which the default tests do without: they ask Sail.
test-spark: $(TEST)/wheel $(SPARK)/ready ## try Apache Spark, too (minutes; Java 17 or newer, Python 3.11 or newer)
	FW_DATASET_TEST_WHEEL=1 FW_DATASET_SPARK_PYTHON=$(abspath $(SPARK))/bin/python \
		$(TEST)/bin/python -m pytest -n0 -m "slow or not slow" tests/query/spark $(ARGS)

# Readers of Iceberg that others wrote: DuckDB's is in an extension, which is not for every DuckDB.
test-readers: $(TEST)/wheel $(READERS)/ready ## read published tables with DuckDB's and polars' Iceberg (Python 3.11 or newer)
	FW_DATASET_TEST_WHEEL=1 FW_DATASET_READERS_PYTHON=$(abspath $(READERS))/bin/python \
		$(TEST)/bin/python -m pytest tests/scale/iceberg/test_readers.py $(ARGS)

test-oldest: ## run the tests with the lowest supported versions (PYTHON must be a 3.10)
	@case '$(PYVERSION)' in 3.10.*) ;; *) \
		echo 'make test-oldest needs Python 3.10: make test-oldest PYTHON=/path/to/python3.10' >&2; \
		exit 2;; esac
	@$(MAKE) --no-print-directory test CONSTRAINTS=constraints/oldest.txt

check: $(CHECK)/ready ## lint, formatting, types and architecture
	$(CHECK)/bin/python -m ruff check
	$(CHECK)/bin/python -m ruff format --check
	$(CHECK)/bin/python -m mypy
	PYTHONPATH=src $(CHECK)/bin/lint-imports --no-logo

format: $(CHECK)/ready ## format the code and apply the safe fixes of the linter
	$(CHECK)/bin/python -m ruff format
	$(CHECK)/bin/python -m ruff check --fix

bench: $(BENCH)/wheel ## run the benchmarks (minutes)
	$(BENCH)/bin/python benchmarks/run.py $(ARGS)

build: $(BUILD)/ready ## build the source distribution and the wheel into ./dist
	rm -rf dist
	$(BUILD)/bin/python -m build --no-isolation --outdir dist

# Without a lock file, which would hold addresses: package.json names every package of the bundles,
# each in one version. What is built is committed, so that nobody needs Node to install.
scripts: ## bundle the scripts of the served pages anew (needs Node and npm)
	npm install --prefix frontend --loglevel=error --no-audit --no-fund --no-package-lock \
		--no-update-notifier --ignore-scripts
	node frontend/build.mjs

clean: ## remove environments, caches, built files and the demo's output
	rm -rf .venv/wheel .venv/build-* .venv/test-* .venv/check-* .venv/demo-* .venv/bench-* \
		.venv/pins-* .venv/azurite-* .venv/clients-* .venv/readers-* .venv/spark-*
	@rmdir .venv 2>/dev/null || true
	rm -rf frontend/node_modules dist demo-output .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# ------------------------------------------------------------------------------- environments

no-python:
	@test -n '$(PYVERSION)' || { \
		echo 'Needs Python 3.10 or newer with venv, ensurepip and sqlite3;' \
			'name one with: make PYTHON=/path/to/python' >&2; exit 2; }

# $(1): the environment. Made anew, with a pip that knows dependency groups.
define new_environment
	@echo "making $(1) (packages are downloaded; a minute or two)"
	@rm -rf $(1)
	@'$(PYTHON)' -m venv $(1)
	@$(1)/bin/python $(PIP_INSTALL) --upgrade 'pip>=25.1'
endef

# $(1): the environment. Swaps the wheel alone: the dependencies are there.
define swap_wheel
	@$(1)/bin/python -m pip install -qq --no-input --force-reinstall --no-deps $(WHEEL_FILE)
	@touch $@
endef

# Whatever is tested, it is built with today's tools.
$(BUILD)/ready: PINS := --constraint $(NEWEST_PINS)
$(BUILD)/ready: pyproject.toml Makefile $(NEWEST_PINS) | no-python
	$(call new_environment,$(BUILD))
	@$(BUILD)/bin/python $(PIP_INSTALL) --group build
	@touch $@

# By way of the source distribution, so that what that one lacks is missed here.
.venv/wheel/ready: pyproject.toml README.md LICENSE $(SOURCES) | $(BUILD)/ready
	@echo "building the wheel"
	@rm -rf .venv/wheel
	@$(BUILD)/bin/python -m build --no-isolation --outdir .venv/wheel . >.venv/build.log 2>&1 \
		|| { cat .venv/build.log >&2; exit 1; }
	@rm -f .venv/build.log
	@touch $@

$(TEST)/ready: $(RECIPE_FILES) | .venv/wheel/ready
	$(call new_environment,$(TEST))
	@$(TEST)/bin/python $(PIP_INSTALL) '$(WHEEL_FILE)[dask,demo,flywheel,iceberg,serve]' --group test
	@touch $@

$(TEST)/wheel: .venv/wheel/ready $(TEST)/ready
	$(call swap_wheel,$(TEST))

# Asked for each time, as Node may have come; installed once. Without it, the tests of Azure are
# skipped, but not where everything must be tested (CI=true).
.PHONY: $(AZURITE)/asked
$(AZURITE)/asked:
	@if test -e $(AZURITE)/ready; then exit 0; fi; \
	if { node --version && npm --version; } >/dev/null 2>&1; then \
		echo 'installing Azurite $(AZURITE_VERSION)'; \
		rm -rf $(AZURITE); \
		npm install --prefix $(AZURITE) --loglevel=error --no-audit --no-fund --no-save \
			--no-update-notifier --ignore-scripts azurite@$(AZURITE_VERSION) >/dev/null \
			&& touch $(AZURITE)/ready && exit 0; \
	fi; \
	case "$${CI:-false}" in \
		false | 0) echo 'Azurite is not here (it needs Node and npm): no test of Azure runs' ;; \
		*) echo 'Azurite is not here (it needs Node and npm), and CI tests all' >&2; exit 1 ;; \
	esac

$(CLIENTS)/ready: PINS := --constraint constraints/clients.txt
$(CLIENTS)/ready: constraints/clients.txt Makefile | no-python
	$(call new_environment,$(CLIENTS))
	@$(CLIENTS)/bin/python $(PIP_INSTALL) dnastack-client-library search-python-client schemathesis
	@touch $@

$(SPARK)/ready: PINS := --constraint constraints/spark.txt
$(SPARK)/ready: constraints/spark.txt Makefile | no-python
	$(call new_environment,$(SPARK))
	@$(SPARK)/bin/python $(PIP_INSTALL) 'pyspark[connect]'
	@touch $@

$(READERS)/ready: PINS := --constraint constraints/readers.txt
$(READERS)/ready: constraints/readers.txt Makefile | no-python
	$(call new_environment,$(READERS))
	@$(READERS)/bin/python $(PIP_INSTALL) duckdb 'duckdb-ext[avro,iceberg]' polars pyarrow pyiceberg
	@touch $@

$(DEMO)/ready: $(RECIPE_FILES) | .venv/wheel/ready
	$(call new_environment,$(DEMO))
	@$(DEMO)/bin/python $(PIP_INSTALL) '$(WHEEL_FILE)[demo]'
	@touch $@

$(DEMO)/wheel: .venv/wheel/ready $(DEMO)/ready
	$(call swap_wheel,$(DEMO))

$(BENCH)/ready: $(RECIPE_FILES) | .venv/wheel/ready
	$(call new_environment,$(BENCH))
	@$(BENCH)/bin/python $(PIP_INSTALL) '$(WHEEL_FILE)[dask,serve]' --group bench
	@touch $@

$(BENCH)/wheel: .venv/wheel/ready $(BENCH)/ready
	$(call swap_wheel,$(BENCH))

# The dependencies alone: the tools of `make check` read the sources themselves.
$(CHECK)/ready: $(RECIPE_FILES) | .venv/wheel/ready
	$(call new_environment,$(CHECK))
	@$(CHECK)/bin/python $(PIP_INSTALL) '$(WHEEL_FILE)[dask,demo,flywheel,iceberg,serve]' --group check
	@$(CHECK)/bin/python -m pip uninstall -qq --yes fw-dataset
	@touch $@

# Pins what an unconstrained installation takes today, for 3.10 or (best from 3.11) for all later.
constraints: .venv/wheel/ready ## renew the pinned versions for this interpreter's constraint file
	$(eval PINS := )
	$(call new_environment,.venv/pins-$(PYVERSION))
	@.venv/pins-$(PYVERSION)/bin/python $(PIP_INSTALL) '$(WHEEL_FILE)[dask,demo,flywheel,iceberg,serve]' \
		--group build --group test --group check --group bench
	@.venv/pins-$(PYVERSION)/bin/python -m pip freeze --all --exclude fw-dataset \
		--exclude setuptools | grep '^[A-Za-z0-9._-]*==' >$(CONSTRAINTS)
	@rm -rf .venv/pins-$(PYVERSION)
	@echo "wrote $(CONSTRAINTS)"
