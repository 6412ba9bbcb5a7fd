"""What must agree: the state machine, the template, the functions' folders, the models, the settings."""

import ast
import importlib
import json
import re
import tomllib
from typing import Any, get_type_hints

import pytest
from pydantic import BaseModel
from samtranslator.yaml_helper import yaml_parse

import rota.contract
import rota.errors
from rota.settings import Settings
from tests import asl
from tests.examples import EVENTS, PUSH, ROOT, snake
from tests.guestbook import ENVIRONMENT

TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
GLOBALS = TEMPLATE["Globals"]["Function"]
FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
SUBSTITUTIONS = TEMPLATE["Resources"]["DeployStateMachine"]["Properties"]["DefinitionSubstitutions"]
FOLDERS = {folder.name: folder / "app.py" for folder in (ROOT / "functions").iterdir() if folder.is_dir()}
SOURCES = [*sorted((ROOT / "layers/rota/rota").rglob("*.py")), *FOLDERS.values()]


@pytest.mark.parametrize("step", asl.TASKS)
def test_a_step_has_one_name_everywhere(step: str) -> None:
    token = f"{step}FunctionArn"
    assert asl.STATES[step]["Resource"] == f"${{{token}}}"
    assert SUBSTITUTIONS[token] == {"Fn::GetAtt": [f"{step}Function", "Arn"]}
    assert FUNCTIONS[f"{step}Function"]["CodeUri"] == f"functions/{snake(step)}/"
    assert (EVENTS / f"{snake(step)}.json").is_file()
    (handler,) = (
        node
        for node in ast.parse(FOLDERS[snake(step)].read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "handler"
    )
    given, answered = ast.unparse(handler.args.args[0]), ast.unparse(handler.returns) if handler.returns else ""
    assert (given, answered) == (f"request: {step}Input", f"{step}Output")
    assert {ast.unparse(decorator) for decorator in handler.decorator_list} <= {
        "step",
        "writing_step",
        "restoring_step",
    }


def test_every_function_is_a_step() -> None:
    assert {f"{step}Function" for step in asl.TASKS} == FUNCTIONS.keys()
    assert {snake(step) for step in asl.TASKS} == FOLDERS.keys()
    assert {f"{step}FunctionArn" for step in asl.TASKS} == SUBSTITUTIONS.keys()
    assert {path.stem for path in EVENTS.iterdir()} == {snake(step) for step in asl.TASKS} | {"ecr_push"}
    assert GLOBALS["Handler"] == "app.handler"
    assert not any("Handler" in function for function in FUNCTIONS.values())


def test_every_token_is_quoted_and_filled_by_the_template() -> None:
    tokens = re.findall(r"\$\{(\w+)\}", asl.TEXT)
    assert len(tokens) == len(re.findall(r'"\$\{\w+\}"', asl.TEXT))
    assert set(tokens) == SUBSTITUTIONS.keys()


def test_every_state_has_a_comment() -> None:
    comments = {name: state["Comment"] for name, state in asl.STATES.items()}
    assert [name for name, text in comments.items() if not text.endswith(".") or len(text.split()) < 4] == []


@pytest.mark.parametrize("step", asl.TASKS)
def test_a_task_outlives_its_function(step: str) -> None:
    function = FUNCTIONS[f"{step}Function"].get("Timeout", GLOBALS["Timeout"])
    assert function <= 900
    assert asl.STATES[step]["TimeoutSeconds"] == function + 30, "what a cold start and a lost answer may take"


def test_an_execution_lasts_at_most_two_days() -> None:
    assert asl.MACHINE["TimeoutSeconds"] == 2 * 24 * 3600


LAMBDA_ERRORS = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
# Steps that wait for an earlier invocation of the deployment, which may be one of the longest function.
WRITING = [
    step
    for step in asl.TASKS
    if re.search("^@(writing|restoring)_step$", FOLDERS[snake(step)].read_text(), re.MULTILINE)
]
LONGEST_FUNCTION_SECONDS = max(function.get("Timeout", GLOBALS["Timeout"]) for function in FUNCTIONS.values())
CRASHES = ["States.Timeout", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown"]


# Retrying these leaves nothing half done: one holds nothing, one only reads, one only records.
PATIENT = {"TakeTurn", "CheckService", "FinishDeployment"}


def retriers(step: str) -> list[dict[str, Any]]:
    """How often a step is tried again, and for what."""
    often = {"IntervalSeconds": 2, "BackoffRate": 2, "MaxDelaySeconds": 60, "JitterStrategy": "FULL"}
    # Not shortened by jitter: it must outlast an invocation whose answer was lost.
    patient = {"IntervalSeconds": 5, "BackoffRate": 1.5, "MaxDelaySeconds": 60}
    still_running = {"ErrorEquals": ["StillRunningError"], "MaxAttempts": 60, **patient}
    if step == "RestoreDeployment":
        for_hours = {**often, "MaxAttempts": 24, "MaxDelaySeconds": 900}
        crashes = {"IntervalSeconds": 2, "BackoffRate": 2, "MaxDelaySeconds": 60}
        return [
            {"ErrorEquals": ["TransientError", "RejectedError"], **for_hours, "IntervalSeconds": 5},
            {**still_running, "MaxAttempts": 200},
            {"ErrorEquals": LAMBDA_ERRORS, **for_hours},
            {"ErrorEquals": CRASHES, "MaxAttempts": 6, **crashes},
            {"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 5, **often, "IntervalSeconds": 5},
        ]
    passes, of_lambda = (20, 20) if step in PATIENT else (5, 6)
    return [
        {"ErrorEquals": ["TransientError"], "MaxAttempts": passes, **often},
        *([still_running] if step in WRITING else []),
        {"ErrorEquals": LAMBDA_ERRORS, "MaxAttempts": of_lambda, **often},
        {"ErrorEquals": CRASHES, "MaxAttempts": 1, "IntervalSeconds": 2},
    ]


@pytest.mark.parametrize("step", asl.TASKS)
def test_what_a_task_is_retried_for_and_how_often(step: str) -> None:
    assert asl.STATES[step]["Retry"] == retriers(step)


def waits(retrier: dict[str, Any]) -> float:
    """The seconds that all its waits last together, before any is shortened by jitter."""
    return sum(
        min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt, retrier["MaxDelaySeconds"])
        for attempt in range(retrier["MaxAttempts"])
    )


@pytest.mark.parametrize("step", WRITING)
def test_a_step_outwaits_an_invocation_whose_answer_was_lost(step: str) -> None:
    (retrier,) = (each for each in asl.STATES[step]["Retry"] if "StillRunningError" in each["ErrorEquals"])
    assert waits(retrier) > LONGEST_FUNCTION_SECONDS + 30
    assert waits(retrier) < 4 * LONGEST_FUNCTION_SECONDS or step == "RestoreDeployment"


def test_a_restore_is_tried_for_hours() -> None:
    passing, still_running, *_ = asl.STATES["RestoreDeployment"]["Retry"]
    for each in (passing, still_running):
        assert 3 * 3600 < waits(each) < asl.MACHINE["TimeoutSeconds"]


def test_every_error_name_is_defined_by_aws_or_in_errors() -> None:
    named = {error for step in asl.TASKS for retry in asl.STATES[step]["Retry"] for error in retry["ErrorEquals"]}
    own = {name for name in named if "." not in name}
    assert {name for name in own if isinstance(getattr(rota.errors, name, None), type)} == own
    assert named - own == {*LAMBDA_ERRORS, *CRASHES, "States.TaskFailed"}


@pytest.mark.parametrize("step", asl.TASKS)
def test_every_failure_is_caught_once_and_kept(step: str) -> None:
    state = asl.STATES[step]
    restoring = step == "RestoreDeployment"
    assert state["Catch"] == [
        {
            "ErrorEquals": ["States.ALL"],
            "ResultPath": "$.restore_error" if restoring else "$.error",
            "Next": "RestoreFailed" if restoring else "RestoreDeployment",
        }
    ]


def test_how_an_execution_fails() -> None:
    fails = {name: state for name, state in asl.STATES.items() if state["Type"] == "Fail"}
    for state in fails.values():
        assert state.keys() - {"Type", "Comment"} <= {"Error", "ErrorPath", "CausePath"}
    failed, restore_failed = fails["DeploymentFailed"], fails["RestoreFailed"]
    assert (failed["ErrorPath"], failed["CausePath"]) == ("$.restored.error", "$.restored.cause")
    assert (restore_failed["Error"], restore_failed["CausePath"]) == ("RestoreFailed", "$.restore_error.Cause")


def test_each_result_adds_one_key_that_is_not_in_the_event() -> None:
    added = {asl.STATES[step]["ResultPath"].removeprefix("$.") for step in asl.TASKS} | {"error", "restore_error"}
    assert not added & {*PUSH, "dry_run"}
    assert len(added) == len(asl.TASKS) + 1, "RollService and CheckService share one key"


def test_every_state_can_be_reached() -> None:
    texts = {name: json.dumps(state) for name, state in asl.STATES.items()}
    named = {target for text in texts.values() for target in re.findall(r'"(?:Next|Default)": "(\w+)"', text)}
    assert named | {asl.MACHINE["StartAt"]} == asl.STATES.keys()


def test_the_settings_are_the_environment_that_the_template_sets() -> None:
    variables = {name for name in GLOBALS["Environment"]["Variables"] if not name.startswith(("AWS_", "POWERTOOLS_"))}
    assert {name.upper() for name in Settings.model_fields} == variables
    assert variables == ENVIRONMENT.keys()
    assert not any("Environment" in function for function in FUNCTIONS.values())


# Which parameter or resource a variable has its value from, where that is not the parameter of the same name.
OTHER_SOURCES = {
    "CLUSTER": "ClusterName",
    "SERVICE": "ServiceName",
    "REPOSITORY": "RepositoryName",
    "FAMILY": "TaskDefinitionFamily",
    "CONTAINER": "ContainerName",
    "SUBNETS": "SubnetIds",
    "SECURITY_GROUPS": "SecurityGroupIds",
    "BUCKET": "ConfigBucket",
    "TABLE": "LedgerTable",
}


def test_each_setting_has_the_value_of_its_parameter() -> None:
    variables = dict(GLOBALS["Environment"]["Variables"])
    assert variables.pop("POWERTOOLS_SERVICE_NAME") == "rota"
    assert variables.pop("POWERTOOLS_METRICS_NAMESPACE") == "Rota"
    assert variables.pop("AWS_ENDPOINT_URL") == {"Ref": "AWS::NoValue"}
    role = {"Fn::If": ["MakesEventsRole", {"Fn::GetAtt": ["EventsRole", "Arn"]}, {"Ref": "EventsRoleArn"}]}
    assert variables.pop("EVENTS_ROLE_ARN") == role
    for name, value in variables.items():
        source = OTHER_SOURCES.get(name) or name.title().replace("_", "")
        is_list = "List" in TEMPLATE["Parameters"].get(source, {"Type": ""})["Type"]
        assert value == ({"Fn::Join": [",", {"Ref": source}]} if is_list else {"Ref": source})


def test_only_the_frame_reads_the_environment() -> None:
    readers = {path.name for path in SOURCES if re.search(r"\benviron\b|\bgetenv\b", path.read_text())}
    assert readers == {"step.py"}


def test_every_model_forbids_unknown_keys() -> None:
    loose = {
        name
        for name, model in vars(rota.contract).items()
        if isinstance(model, type)
        and issubclass(model, rota.contract.Shape)
        and model.model_config["extra"] != "forbid"
    }
    assert loose == set()
    assert get_type_hints(rota.contract.TakeTurnInput)["event"] is Any, "the event's keys are AWS's to choose"


def test_no_validation_error_shows_its_input() -> None:
    """It goes into the log, the cause, the ledger and the mail, where no value of an environment variable may be."""
    layer = ROOT / "layers/rota"
    names = [".".join(path.relative_to(layer).with_suffix("").parts) for path in SOURCES if path.is_relative_to(layer)]
    modules = [importlib.import_module(name) for name in names]
    models = {model for module in modules for model in vars(module).values() if isinstance(model, type)}
    shapes = {model for model in models if issubclass(model, BaseModel) and model is not BaseModel}
    assert {model.__name__ for model in shapes if not model.model_config.get("hide_input_in_errors")} == set()


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_samconfig_gives_every_parameter_without_a_default(environment: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]["deploy"]["parameters"]
    given = dict(override.split("=", 1) for override in config["parameter_overrides"])
    required = {name for name, parameter in TEMPLATE["Parameters"].items() if "Default" not in parameter}
    assert required <= given.keys() <= TEMPLATE["Parameters"].keys()
    for name, value in given.items():
        pattern = TEMPLATE["Parameters"][name].get("AllowedPattern", ".*")
        assert all(re.fullmatch(pattern, each) for each in value.split(","))
