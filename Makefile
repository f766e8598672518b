# The two words of the README (`make run`, `make test`) do their own set-up. Needs Python 3.11+, git and make.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
STAMP := .venv/.stamp

.DEFAULT_GOAL := help
.PHONY: help setup run test check format up down bench bench-10k docs lock regen image

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml sdk/python/pyproject.toml hatch_build.py
	@test -n "$(PYTHON)" || { echo "GreenLang needs Python 3.11 or newer on the PATH (or: make PYTHON=/path/to/python run)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e sdk/python -e .
	@touch $(STAMP)

setup: $(STAMP) ## make .venv from the lock

run: $(STAMP) ## the example specs through the whole line, in one process
	@$(BIN)/greenlang demo

test: $(STAMP) ## everything: checks, all tests, the docs build
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 2 --dist loadgroup --durations=25 --durations-min=5
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

check: $(STAMP) ## format, lint, types, import contracts, fast tests
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not browser" -q

.PHONY: lint
lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## write the formatting
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

up: $(STAMP) ## Dagster webserver and daemon on 127.0.0.1, state in var/
	@exec $(BIN)/python -m tools.up

down: $(STAMP) ## stop what `make up` started
	@$(BIN)/python -m tools.up --stop

bench: $(STAMP) ## ratios: SDK import, factor release, look-ups, batches, generation, testing and judging, the whole catalogue, the registry and its API under load, and seconds per agent for 1, 10 and 100 specs
	@$(BIN)/python -m tools.bench_sdk
	@$(BIN)/python -m tools.bench_specs
	@$(BIN)/python -m tools.bench_resolution ../shared/specs
	@$(BIN)/python -m tools.bench_factors
	@$(BIN)/python -m tools.bench_calc --rows 10000000
	@$(BIN)/python -m tools.bench_generate
	@$(BIN)/python -m tools.bench_quality
	@$(BIN)/python -m tools.bench_catalogue ../shared/specs/catalogue/agent_catalogue_10400.csv
	@$(BIN)/python -m tools.bench_registry
	@$(BIN)/python -m tools.bench_api --sqlite
	@$(BIN)/python -m tools.bench

bench-10k: $(STAMP) ## the whole catalogue through the whole line, as Dagster runs with PostgreSQL: minutes, seconds by stage, events, bytes
	@$(BIN)/python -m tools.bench_10k ../shared/specs/catalogue/agent_catalogue_10400.csv

regen: $(STAMP) ## write the golden packs of tests/golden anew
	@$(BIN)/python tools/regen_golden.py

docs: $(STAMP) ## build the documentation into site/
	$(BIN)/mkdocs build --strict

lock: $(STAMP) ## resolve requirements.lock again, for every platform, with hashes; and the part of it that the image needs
	$(LOCK) --all-extras --group dev -o requirements.lock
	$(LOCK) $(SERVED:%=--extra %) --group build --constraint requirements.lock -o deploy/docker/requirements.lock
SERVED = pipelines api postgresql celery k8s llm telemetry
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-strip-extras --no-annotate --no-header --no-emit-package greenlang-sdk \
	--no-emit-package greenlang pyproject.toml

image: ## build the container image (Docker), on the base's present digest
	docker build -f deploy/docker/Dockerfile --build-arg BASE=$(BASE)@$$(docker buildx imagetools inspect $(BASE) \
		--format '{{.Manifest.Digest}}') -t greenlang:$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) .
BASE = $(shell sed -n 's/^ARG BASE=//p' deploy/docker/Dockerfile)
