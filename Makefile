PYTHON ?= python3
RUNTIME ?= process
LISTEN ?= $(if $(filter sam,$(RUNTIME)),0.0.0.0,127.0.0.1)
PORT ?= 5000
FILE ?= scheduled_tasks.json
PREFIX ?=
# The package lies where the layer is built from.
export PYTHONPATH := $(CURDIR)/layers/rota
# What is compiled once serves all of a run's processes.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SAM_VENV := .venv-sam
SAM_READY := $(SAM_VENV)/.ready
CHECKOV_VENV := .venv-checkov
CHECKOV_READY := $(CHECKOV_VENV)/.ready
SOURCES := layers/rota/rota functions stage bench examples/app examples/guestbook tests

.DEFAULT_GOAL := help
.PHONY: help demo stage watch docs test test-aws-cli check-schedule test-image test-docker test-local-invoke test-sam test-permissions test-iam-simulate lint-template engine sweep races bench bench-quick bench-cold check format schema requirements build deploy delete clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## push two images and watch them deploy, on this machine, without AWS
	@$(BIN)/python -m examples.guestbook.demo

# RUNTIME=sam runs every step in Lambda's runtime, in Docker; LISTEN=0.0.0.0 lets containers in.
stage: $(READY) $(if $(filter sam,$(RUNTIME)),build engine) ## the local AWS for any AWS client, on port 5000 unless PORT=... says otherwise
	@$(BIN)/python -m stage --host $(LISTEN) --port $(PORT) --runtime $(RUNTIME)

watch: $(READY) ## in another terminal: every new execution on that stage, as it happens
	@$(BIN)/python -m examples.guestbook.watch --port $(PORT)

docs: $(READY) ## write what the documents take from the code
	@PYTHONPATH=$(CURDIR):$(PYTHONPATH) $(BIN)/cog -r README.md docs/*.md docs/decisions/README.md

# Twice as many workers as the two processors that CI has: a test on the stage waits about as long as it works.
test: $(READY) ## every test that needs neither AWS nor Docker
	@$(BIN)/python -m pytest -n 4 --dist worksteal

test-aws-cli: $(READY) ## what the README and the runbook print, typed into a shell: the demo, and with the AWS CLI the rest
	@$(BIN)/python -m pytest -n 2 -m "aws_cli or demo" -rs tests/stage/test_demo.py tests/stage/test_cli_session.py tests/stage/test_runbook.py tests/stage/test_example_workflow.py

check-schedule: $(READY) ## check a schedule file: FILE=scheduled_tasks.json PREFIX=production__shop__
	@$(BIN)/python -m rota.cli.check "$(FILE)" --rule-prefix "$(PREFIX)"

test-image: $(READY) engine ## the example app's image, in Docker
	@$(BIN)/python -m pytest -m docker -rs tests/docker

test-docker: test-image test-local-invoke ## the tests that need a Docker engine

test-local-invoke: build engine ## every function in Lambda's runtime, in Docker, on the stage
	@$(BIN)/python -m pytest -m docker -rs tests/local_invoke

test-sam: build ## sam deploy, sam delete and sam validate, on the stage
	@$(BIN)/python -m pytest -m sam -rs tests/sam

test-permissions: $(READY) ## that the policies are just enough: a deployment without each statement in turn; some two minutes
	@$(BIN)/python -m pytest -m permissions tests/stage/test_permissions.py tests/stage/test_statements.py

test-iam-simulate: $(READY) ## the permissions once more, judged by a package of npm
	@$(BIN)/python -m pytest -m iam_simulate -rs tests/iam_simulate

lint-template: $(CHECKOV_READY) ## the template by the rules of checkov; each exception has its reason beside it
	@$(CHECKOV_VENV)/bin/checkov --config-file .checkov.yaml

# Where a machine without an image registry has a script for it, start the engine and make stand-in images. Where that
# does not succeed, what needs an engine says so itself.
engine:
	@if test -x ../shared/docker/up; then ../shared/docker/up || true; fi

sweep: $(READY) ## every fault in every call of a deployment, on this machine: some 20 minutes
	@PYTHONPATH=$(CURDIR):$(PYTHONPATH) $(BIN)/python -m tests.sweep

races: $(READY) ## up to 50 pushes at random moments, some aborted: some minutes
	@PYTHONPATH=$(CURDIR):$(PYTHONPATH) $(BIN)/python -m tests.sweep --races

# ONLY="--tasks 300 --mode shared" measures a part.
bench: $(READY) build engine ## how fast it is under AWS's quotas, up to 1,000 tasks: 40 minutes
	@PYTHONPATH=$(CURDIR):$(PYTHONPATH) $(BIN)/python -m bench $(ONLY)
	@PYTHONPATH=$(CURDIR):$(PYTHONPATH) $(BIN)/python -m bench.cold

bench-quick: $(READY) ## the same up to 30 tasks: some three minutes
	@PYTHONPATH=$(CURDIR):$(PYTHONPATH) $(BIN)/python -m bench --quick

bench-cold: build engine ## how each function starts, in Lambda's image too where Docker is: some four minutes
	@PYTHONPATH=$(CURDIR):$(PYTHONPATH) $(BIN)/python -m bench.cold

check: $(READY) ## lint, types, template, generated files; then the tests
	@$(BIN)/ruff format --check -q $(SOURCES)
	@$(BIN)/ruff check -q $(SOURCES)
	@$(BIN)/mypy layers/rota/rota stage bench examples/guestbook
	@for step in functions/*/; do $(BIN)/mypy $$step/app.py || exit 1; done
	@$(BIN)/cfn-lint template.yaml
	@PYTHONPATH=$(CURDIR):$(PYTHONPATH) $(BIN)/cog --check README.md docs/*.md docs/decisions/README.md
	@$(MAKE) --no-print-directory test

format: $(READY) ## put the code in shape
	@$(BIN)/ruff format -q $(SOURCES)
	@$(BIN)/ruff check -q --fix $(SOURCES)

requirements: $(READY) ## choose newer versions and pin them with hashes
	@$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q requirements/dev.in -o requirements/dev.txt
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q -c requirements/dev.txt layers/rota/requirements.in -o layers/rota/requirements.txt
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q -c requirements/dev.txt examples/app/requirements.in -o examples/app/requirements.txt
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q -c requirements/dev.txt examples/app/requirements-test.in -o examples/app/requirements-test.txt
	@$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q requirements/sam.in -o requirements/sam.txt
	@$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q requirements/checkov.in -o requirements/checkov.txt

build: $(SAM_READY) ## sam build
	@PATH="$(CURDIR)/$(SAM_VENV)/bin:$$PATH" sam build

deploy: build ## to your AWS account: asks for the parameters, or takes those of ENV=production from samconfig.toml
	@PATH="$(CURDIR)/$(SAM_VENV)/bin:$$PATH" sam deploy $(if $(ENV),--config-env $(ENV),--guided)

# The app's rules, the role that starts its tasks, the bucket and the table stay: docs/operations.md, "Remove Rota".
delete: $(SAM_READY) ## remove the stack of STACK=... or ENV=...; the app's jobs and its service go on
	@$(if $(STACK)$(ENV),,echo "Which stack? make delete STACK=rota, or make delete ENV=production" >&2; exit 2)
	@$(SAM_VENV)/bin/sam delete $(if $(STACK),--stack-name $(STACK)) $(if $(ENV),--config-env $(ENV))

clean: ## remove everything that was made here
	@rm -rf $(VENV) $(SAM_VENV) $(CHECKOV_VENV) .aws-sam .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(READY): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rota needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Say which: make PYTHON=python3.13 ...")'
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# By uv: pip before 24 takes a hashed requirement with extras (boto3-stubs) for one that is not pinned.
$(SAM_READY): requirements/sam.txt | $(READY)
	@echo "Setting up $(SAM_VENV) (once, some seconds) ..."
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SAM_VENV)
	@$(BIN)/uv pip install --quiet --python $(SAM_VENV) --require-hashes -r requirements/sam.txt
	@touch $@

$(CHECKOV_READY): requirements/checkov.txt | $(READY)
	@echo "Setting up $(CHECKOV_VENV) (once, some seconds) ..."
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(CHECKOV_VENV)
	@$(BIN)/uv pip install --quiet --python $(CHECKOV_VENV) --require-hashes -r requirements/checkov.txt
	@touch $@
