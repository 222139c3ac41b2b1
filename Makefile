# Needs Python 3.11 or newer and make, nothing else: the environment is built from requirements.lock, whose every
# package is pinned by hash.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ARGS ?=
WORKERS ?= 2
UV ?= uv

.DEFAULT_GOAL := help
.PHONY: help install demo test docs lint format simulate sweep mutants torture bench screenshots lock image clean

help:  ## Show what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-9s %s\n", $$1, $$2}'

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; try make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

install: $(INSTALLED)  ## Build .venv from the lock file, where it is missing or older

demo: $(INSTALLED)  ## Tell the whole story against two simulators (ARGS=--once ends by itself)
	$(BIN)/qbo-sync demo $(ARGS)

test: $(INSTALLED)  ## Run every test: on SQLite, and on PostgreSQL where it answers
	$(BIN)/pytest -n $(WORKERS) --durations 10 $(ARGS)

N ?= 20
SEED ?= 1

simulate: $(INSTALLED)  ## Play N random histories from SEED on; a failing one is told in its shortest form
	$(BIN)/python -m fixtures.simulation --histories $(N) --seed $(SEED) --workers $(WORKERS)

sweep: $(INSTALLED)  ## Every fault at every effect of the canonical flows (FLOW=… AT=… FAULT=… plays one again)
	$(BIN)/python -m fixtures.sweep --workers $(WORKERS) $(if $(FLOW),--flow $(FLOW)) \
		$(if $(AT),--at $(AT)) $(if $(FAULT),--fault $(FAULT))

mutants: $(INSTALLED)  ## Plant each of a list of defects in a copy, and see that the tests catch it
	$(BIN)/python -m fixtures.mutants $(ARGS)

SECONDS ?= 60

torture: $(INSTALLED)  ## Kill and stop real processes on either database for SECONDS, then check the books
	$(BIN)/python -m fixtures.torture --seconds $(SECONDS) --seed $(SEED) $(ARGS)

lint: $(INSTALLED)  ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(INSTALLED)  ## Put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(INSTALLED)  ## Measure costs, pages, and throughput of 1, 2 and 4 workers (needs PostgreSQL; ARGS=--json)
	$(BIN)/python -m fixtures.bench $(ARGS)

screenshots: $(INSTALLED)  ## Picture the console for the README (needs Chromium)
	$(BIN)/python -m fixtures.screenshots docs/screenshots

docs: $(INSTALLED)  ## Make the made parts of docs/ anew
	$(BIN)/python -m fixtures.handbook

lock:  ## Pin newer versions of what pyproject.toml asks for (needs uv)
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --universal --python-version 3.11 \
		--extra dev --extra otel --output-file requirements.lock pyproject.toml

image:  ## Build the container image
	docker build --tag qbo-sync .

clean:  ## Remove what was built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
