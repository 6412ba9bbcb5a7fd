PYTHON ?= python3
RUNTIME ?= process
LISTEN ?= $(if $(filter sam,$(RUNTIME)),0.0.0.0,127.0.0.1)
# The stage that the export line of `make stage` names.
PORT ?= $(or $(patsubst http://127.0.0.1:%,%,$(filter http://127.0.0.1:%,$(AWS_ENDPOINT_URL:/=))),5000)
FILE ?= scheduled_tasks.json
PREFIX ?=
# What is compiled once serves all of a run's processes.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
SAM_VENV := .venv-sam
CHECKOV_VENV := .venv-checkov
BOARD_VENV := .venv-board
# Named by the content of the pins: a checkout that only gives their file a new time installs nothing.
READY := $(VENV)/.ready-$(shell cksum < requirements/dev.txt | cut -d ' ' -f 1)
SAM_READY := $(SAM_VENV)/.ready-$(shell cksum < requirements/sam.txt | cut -d ' ' -f 1)
CHECKOV_READY := $(CHECKOV_VENV)/.ready-$(shell cksum < requirements/checkov.txt | cut -d ' ' -f 1)
BOARD_READY := $(BOARD_VENV)/.ready-$(shell cksum < requirements/board.txt | cut -d ' ' -f 1)
SOURCES := layers/rota/rota functions stage bench examples/app examples/guestbook tests
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q

.DEFAULT_GOAL := help
.PHONY: help demo demo-failures stage watch app check-schedule verify-account deploy delete test-unit test-steps test test-exhaustive check format docs schema \
  requirements build clean test-aws-cli test-permissions test-iam-simulate test-sam test-docker test-image \
  test-local-invoke test-board board-picture lint-template sweep races month mutants bench bench-quick bench-runs bench-command bench-cold

help: ## this list
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ First
demo: $(READY) ## push images, watch them deploy and a job fail, on this machine, without AWS
	@$(BIN)/python -m examples.guestbook.demo

demo-failures: $(READY) ## a migration that fails, and a smoke test: everything is as it was
	@$(BIN)/python -m examples.guestbook.demo.failures

# RUNTIME=sam runs every step in Lambda's runtime, in Docker; LISTEN=0.0.0.0 lets containers in.
stage: $(READY) $(if $(filter sam,$(RUNTIME)),build) ## serve a local AWS for any AWS client on port 5000, or PORT=...
	@echo "Its board, in another terminal:"
	@echo "AWS_ENDPOINT_URL=http://127.0.0.1:$(PORT) AWS_ACCESS_KEY_ID=me AWS_SECRET_ACCESS_KEY=me AWS_REGION=us-east-1 $(BIN)/rota board --allow-writes"
	@$(BIN)/python -m stage --scenario examples.guestbook --host $(LISTEN) --port $(PORT) --runtime $(RUNTIME)

watch: $(READY) ## in another terminal: follow every new execution on that stage
	@$(BIN)/python -m examples.guestbook.watch --port $(PORT)

# Beside a stage that serves on PORT: roles, secrets, repository, cluster and service, as the task definition names them.
app: $(READY) ## put your own app on that stage: TASK_DEFINITION=task-definition.json SERVICE=production/shop-api
	@$(if $(and $(TASK_DEFINITION),$(SERVICE)),,echo "Which app? make app TASK_DEFINITION=task-definition.json SERVICE=production/shop-api" >&2; exit 2)
	@$(BIN)/python -m stage.own_app "$(TASK_DEFINITION)" "$(SERVICE)" --port $(PORT)

check-schedule: $(READY) ## check a schedule file: FILE=scheduled_tasks.json PREFIX=production__shop__
	@$(BIN)/python -m rota check "$(FILE)" --rule-prefix "$(PREFIX)"

deploy: build ## deploy to your AWS account: asks for the parameters, or ENV=production of samconfig.toml
	@PATH="$(CURDIR)/$(SAM_VENV)/bin:$$PATH" sam deploy $(if $(ENV),--config-env $(ENV),--guided)

# SUBNETS=subnet-a,subnet-b starts tasks there; SLOW=1 waits for CloudTrail; YES=1 does not ask; CLEAN=RUN deletes what
# a run has left that was killed; OPTIONS="--no-public-ip" and others: .venv/bin/rota verify-account --help.
verify-account: $(READY) ## try in your AWS account what Rota assumes of AWS: it says what it costs, and asks
	@$(BIN)/python -m rota verify-account --by-make $(if $(SUBNETS),--subnets "$(SUBNETS)") \
	  $(if $(SECURITY_GROUPS),--security-groups "$(SECURITY_GROUPS)") $(if $(SLOW),--slow) $(if $(YES),--yes) \
	  $(if $(JSON),--json) $(if $(CLEAN),--clean "$(CLEAN)") $(OPTIONS)

# The app's rules, the role that starts its tasks, the bucket and the table stay: docs/operations.md, "Removing Rota".
delete: $(SAM_READY) ## remove the stack of STACK=... or ENV=...; the app's jobs and its service keep running
	@$(if $(STACK)$(ENV),,echo "Which stack? make delete STACK=rota, or make delete ENV=production" >&2; exit 2)
	@$(SAM_VENV)/bin/sam delete $(if $(STACK),--stack-name $(STACK)) $(if $(ENV),--config-env $(ENV))

##@ Change the code
test-unit: $(READY) ## the tests of pure functions and of the command `rota`: some seconds
	@$(BIN)/python -m pytest -n 2 --dist worksteal tests/unit tests/cli tests/board

test-steps: $(READY) ## the tests of each function against a simulated AWS: half a minute
	@$(BIN)/python -m pytest -n 2 --dist worksteal tests/steps

# One worker more than the two processors that CI has: a test on the stage waits about as long as it works, and each
# worker imports all tests and starts a stage of its own.
test: $(READY) ## the tests that need neither AWS nor Docker: two minutes on two processors
	@$(BIN)/python -m pytest -n 3 --dist worksteal

# ONLY="--share 3 --seed 7" runs one in three of them, here and in test-permissions.
test-exhaustive: $(READY) ## the cases that make test leaves out of tests with many
	@$(BIN)/python -m pytest -n 3 --dist worksteal --exhaustive $(ONLY)

check: $(READY) ## lint, types, template, generated files; then make test
	@$(BIN)/ruff format --check -q $(SOURCES)
	@$(BIN)/ruff check -q $(SOURCES)
	@$(BIN)/mypy layers/rota/rota stage bench examples/guestbook tests
	@for step in functions/*/; do $(BIN)/mypy $$step/app.py || exit 1; done
	@$(BIN)/cfn-lint template.yaml
	@$(BIN)/python -m cogapp --check docs/*.md docs/decisions/README.md
	@$(MAKE) --no-print-directory test

format: $(READY) ## format the code, and fix what ruff can
	@$(BIN)/ruff format -q $(SOURCES)
	@$(BIN)/ruff check -q --fix $(SOURCES)

docs: $(READY) ## write the parts of the documents that come from the code
	@$(BIN)/python -m cogapp -r docs/*.md docs/decisions/README.md

schema: $(READY) ## write the JSON Schemas of the schedule file and of what rota --json prints
	@$(BIN)/python -m rota check --json-schema > layers/rota/rota/schedule_file/scheduled_tasks.schema.json
	@$(BIN)/python -m rota.cli.json_schema

requirements: $(READY) ## choose newer versions and pin them with hashes
	@$(COMPILE) --upgrade requirements/dev.in -o requirements/dev.txt
	@$(COMPILE) -c requirements/dev.txt pyproject.toml requirements/rota.in -o requirements/rota.txt
	@$(COMPILE) -c requirements/dev.txt layers/rota/requirements.in -o layers/rota/requirements.txt
	@$(COMPILE) -c requirements/dev.txt examples/app/requirements.in -o examples/app/requirements.txt
	@$(COMPILE) -c requirements/dev.txt examples/app/requirements-test.in -o examples/app/requirements-test.txt
	@$(COMPILE) --upgrade requirements/sam.in -o requirements/sam.txt
	@$(COMPILE) --upgrade requirements/checkov.in -o requirements/checkov.txt
	@$(COMPILE) --upgrade requirements/board.in -o requirements/board.txt

build: $(SAM_READY) ## sam build
	@PATH="$(CURDIR)/$(SAM_VENV)/bin:$$PATH" sam build

clean: ## remove everything that make has made
	@rm -rf $(VENV) $(SAM_VENV) $(CHECKOV_VENV) $(BOARD_VENV) .aws-sam build layers/rota/rota.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache

##@ More tests
test-aws-cli: $(READY) ## the commands of README and runbook: the demo, and with the AWS CLI the rest
	@$(BIN)/python -m pytest -n 2 -m "aws_cli or demo" -rs tests/stage/test_demo.py tests/stage/test_cli_session.py tests/stage/test_runbook.py tests/stage/test_example_workflow.py

test-permissions: $(READY) ## a deployment without each statement of the policies in turn, and every combination of parameters that add rights
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m permissions $(ONLY) tests/stage/test_statements.py tests/stage/test_switched_rights.py

test-iam-simulate: $(READY) ## the same permissions as an npm package simulates them
	@$(BIN)/python -m pytest -m iam_simulate -rs tests/iam_simulate

test-sam: build ## sam deploy, sam delete and sam validate, on the stage
	@$(BIN)/python -m pytest -m sam -rs tests/sam

test-docker: test-image test-local-invoke ## the tests that need a Docker engine

test-image: $(READY) ## the example app's image, in Docker
	@$(BIN)/python -m pytest -m docker -rs tests/docker

test-local-invoke: build ## every function in Lambda's runtime, in Docker, on the stage
	@$(BIN)/python -m pytest -m docker -rs tests/local_invoke

# The browser is the system's, such as Debian's package `chromium`; CHROMIUM=... names another one.
test-board: $(BOARD_READY) ## the board in a real Chromium, on the stage: a minute
	@PYTHONPATH="$$(echo "$(CURDIR)"/$(BOARD_VENV)/lib/python*/site-packages)" $(BIN)/python -m pytest -m board -rs tests/browser

board-picture: $(BOARD_READY) ## the pictures of the board in the README, light and dark
	@PYTHONPATH="$$(echo "$(CURDIR)"/$(BOARD_VENV)/lib/python*/site-packages)" $(BIN)/python -m tests.browser.picture docs/images

lint-template: $(CHECKOV_READY) ## check the template by the rules of checkov
	@$(CHECKOV_VENV)/bin/checkov --config-file .checkov.yaml

# ONLY="--share 10 --seed 7" tries one in ten; ONLY="--late 15" while EventBridge's reads are late. The second goes for races too.
sweep: $(READY) ## every fault in every call of a deployment, and of moves to EventBridge Scheduler: 50 minutes
	@$(BIN)/python -m tests.sweep $(ONLY)

races: $(READY) ## up to 50 pushes at random moments, some aborted: some minutes
	@$(BIN)/python -m tests.sweep --races $(ONLY)

# ONLY="--seed 7 --days 3" plays that month, and so much of it.
month: $(READY) ## a simulated month of 65 jobs, in which everything goes wrong: three minutes
	@$(BIN)/python -m tests.month $(ONLY)

# ONLY="--count 40 --no-stage" tries a part; a stopped run continues where it was.
mutants: $(READY) ## small changes to the product, each of which a test must notice: some hours
	@$(BIN)/python -m tests.mutants $(ONLY)

##@ Measure
# A stopped run continues where it was. ONLY="--tasks 300 --mode shared" measures a part, again if it was before.
bench: $(READY) build ## how long deployments of up to 1,000 tasks take under AWS's quotas: an hour
	@$(BIN)/python -m bench $(ONLY); missed=$$?; $(BIN)/python -m bench.command || missed=1; $(BIN)/python -m bench.cold && exit $$missed

bench-quick: $(READY) ## the same up to 30 tasks: five minutes
	@$(BIN)/python -m bench --quick

bench-runs: $(READY) ## what watching runs takes: calls, a burst of starts, a month's price; a minute
	@$(BIN)/python -m bench --runs

bench-command: $(READY) ## how fast `rota` answers, beside Python and one call of boto3; a minute
	@$(BIN)/python -m bench.command

bench-cold: build ## how long each function takes to start, in Docker too where it runs: four minutes
	@$(BIN)/python -m bench.cold

$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rota needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Say which: make PYTHON=python3.13 ...")'
	@echo "Setting up $(VENV) (once, about a minute) ..." >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.ready*
	@touch $@

# By uv: pip before 24 takes a hashed requirement with extras (boto3-stubs) for one that is not pinned.
$(SAM_READY): | $(READY)
	@echo "Setting up $(SAM_VENV) (once, some seconds) ..." >&2
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SAM_VENV)
	@$(BIN)/uv pip install --quiet --python $(SAM_VENV) --require-hashes -r requirements/sam.txt
	@touch $@

$(CHECKOV_READY): | $(READY)
	@echo "Setting up $(CHECKOV_VENV) (once, some seconds) ..." >&2
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(CHECKOV_VENV)
	@$(BIN)/uv pip install --quiet --python $(CHECKOV_VENV) --require-hashes -r requirements/checkov.txt
	@touch $@

$(BOARD_READY): | $(READY)
	@echo "Setting up $(BOARD_VENV) (once, some seconds) ..." >&2
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(BOARD_VENV)
	@$(BIN)/uv pip install --quiet --python $(BOARD_VENV) --require-hashes -r requirements/board.txt
	@touch $@
