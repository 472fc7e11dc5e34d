# Two commands: `make demo` and `make test`. A machine needs Python >= 3.11 and make; the rest is made in `.venv`.

PYTHON ?= python3
UV_VERSION ?= 0.13.8

VENV := .venv
BIN := $(VENV)/bin
DEMO := $(VENV)/.demo-stamp
DEV := $(VENV)/.dev-stamp
PEERS := $(VENV)/bench/.stamp
# Wheels only, each held against its hash: nothing is compiled here, and no set-up script runs.
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --require-hashes --only-binary :all:
# The project itself, built by the back end that the lock has just installed.
EDITABLE := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index -e .
COMPILE = $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --no-emit-index-url --no-emit-find-links --no-header --no-annotate

export PATH := $(CURDIR)/$(BIN):$(PATH)
# The tests start some hundred processes: what one has compiled, the others read.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo check test test-long bench proto golden lock format clean

help:  ## Say what there is.
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

demo: $(DEMO)  ## Run a whole county for half a minute: make demo ARGS="--keep county"
	@$(BIN)/accord demo $(ARGS)

test: check  ## Everything that a change must pass, about ten minutes on 2 cores.
	pytest -q -n 2 --dist worksteal -m "not long" $(ARGS)

check: $(DEV)  ## The part of `make test` that reads and does not run.
	ruff check .
	ruff format --check .
	lint-imports
	buf lint
	mypy --num-workers 2
	accord agreements lint agreements --for sign --now 2026-12-01T12:00:00Z
	accord agreements test agreements --min 100

test-long: $(DEV)  ## The sweeps that `make test` leaves out.
	pytest -q -m long --timeout 1800 $(ARGS)

bench: $(DEV) $(PEERS)  ## Measure; one group with ONLY=exchange. Writes bench/out/latest.json.
	@$(BIN)/python -m bench $(ONLY)

proto: $(DEV)  ## Generate gateway/v1 from proto/.
	buf generate

golden: $(DEV)  ## Rewrite golden files; the difference is reviewed like code.
	ACCORD_GOLDEN=write pytest -q -p no:randomly -k golden $(ARGS)

format: $(DEV)  ## Lay the code out, and mend what ruff can.
	ruff format .
	ruff check --fix .

lock: $(VENV)/lock/.stamp  ## Resolve the locks anew from pyproject.toml.
	$(COMPILE) pyproject.toml --extra formats --group build --upgrade --output-file requirements.lock
	$(COMPILE) pyproject.toml --all-extras --group dev --upgrade --constraint requirements.lock --output-file requirements-dev.lock
	$(COMPILE) pyproject.toml --extra formats --group build --resolution lowest-direct --upgrade --output-file requirements-lowest.lock
	$(COMPILE) --group bench --upgrade --output-file requirements-bench.lock

clean:  ## Remove what was made, the environment included.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench/out

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Accord needs Python 3.11 or newer; set PYTHON=...")'
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(DEMO): requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing what requirements.lock names"
	@$(INSTALL) --quiet -r requirements.lock
	@$(EDITABLE)
	@touch $@

$(DEV): requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "installing what requirements-dev.lock names"
	@$(INSTALL) --quiet -r requirements-dev.lock
	@$(EDITABLE)
	@touch $@ $(DEMO)

# The peers that the bench runs beside Accord have an environment of their own. Where they cannot be
# installed the bench runs all the same, and says of each that it was not run.
$(PEERS): requirements-bench.lock | $(BIN)/python
	@echo "installing what requirements-bench.lock names"
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D) \
		&& $(@D)/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes \
			--only-binary :all: -r requirements-bench.lock && touch $@ \
		|| { rm -rf $(@D); echo "the peers of the bench cannot be installed: they will not run"; }

$(VENV)/lock/.stamp: Makefile | $(BIN)/python
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@
