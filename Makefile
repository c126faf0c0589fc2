# `make up` and `make test` are all that a newcomer needs; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
PYTEST_ARGS ?=

.PHONY: help up down purge login test coverage check format lock preview inventories bench loadtest screenshots docs

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

up: ## set up and start the product on this machine; again changes nothing
	@$(PYTHON) infra/bootstrap.py up

down: ## stop the product, keep the data
	@$(PYTHON) infra/bootstrap.py down

purge: ## stop the product and, after asking, remove its data
	@$(PYTHON) infra/bootstrap.py purge

login: ## print a one-time login link for the administrator
	@$(PYTHON) infra/bootstrap.py login

$(VENV)/.dev-stamp: requirements/dev.txt pyproject.toml
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --require-hashes -r requirements/dev.txt
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

test: $(VENV)/.dev-stamp ## run every test that this machine can; PYTEST_ARGS='-m postgres' narrows
	@$(PY) -m pytest $(PYTEST_ARGS)

coverage: $(VENV)/.dev-stamp ## the same, measured; fails below 90 % of the branches of domain, auth and agent
	@rm -f .coverage .coverage.*
	@$(PY) -m pytest --cov --cov-report= $(PYTEST_ARGS)
	@$(PY) -m coverage report --include='*/anyon/domain/*,*/anyon/auth/*,*/anyon/agent/*' --fail-under=90

check: $(VENV)/.dev-stamp ## lint, types, import arrows: what pre-commit and CI run
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/yamllint --strict .
	@git ls-files -z -- '.ci/run' '*.sh' | xargs -0 $(VENV)/bin/shellcheck

format: $(VENV)/.dev-stamp ## rewrite the code in the agreed form
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

preview: ## show what `make up` would change, with the engine
	@$(PYTHON) infra/bootstrap.py pulumi preview --diff

inventories: $(VENV)/.dev-stamp ## rewrite the golden plans of the stacks
	@$(PY) -m tests.infra.inventory

lock: $(VENV)/.dev-stamp ## resolve the dependencies again; UPGRADE=--upgrade takes newer versions
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) requirements/lock.py $(UPGRADE)

docs: $(VENV)/.dev-stamp ## regenerate the reference pages
	@$(PY) -m docs.generator

bench: $(VENV)/.dev-stamp ## measure against the budgets; writes build/bench.json
	@$(PY) -m tests.bench

loadtest: $(VENV)/.dev-stamp ## 10 projects x 5 tasks against a product of its own; exits non-zero above its limits
	@$(PY) -m tests.loadtest

screenshots: $(VENV)/.dev-stamp ## photograph every place into docs/screenshots
	@$(PY) -m tests.browser.screenshots
