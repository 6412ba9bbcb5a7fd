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
from tests.examples import EVENTS, MAIN_ROUTE, PUSH, ROOT, snake
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


def test_there_is_nothing_that_is_no_step() -> None:
    assert {f"{step}Function" for step in asl.TASKS} == FUNCTIONS.keys()
    assert {snake(step) for step in asl.TASKS} == FOLDERS.keys()
    assert {f"{step}FunctionArn" for step in asl.TASKS} == SUBSTITUTIONS.keys()
    assert {path.stem for path in EVENTS.iterdir()} == {snake(step) for step in asl.TASKS} | {"ecr_push"}
    assert GLOBALS["Handler"] == "app.handler"
    assert not any("Handler" in function for function in FUNCTIONS.values())


def test_tokens_stand_only_inside_quotes_and_the_template_fills_each() -> None:
    tokens = re.findall(r"\$\{(\w+)\}", asl.TEXT)
    assert len(tokens) == len(re.findall(r'"\$\{\w+\}"', asl.TEXT))
    assert set(tokens) == SUBSTITUTIONS.keys()


@pytest.mark.parametrize("name", asl.STATES)
def test_every_state_has_a_comment_in_plain_words(name: str) -> None:
    comment = asl.STATES[name]["Comment"]
    assert comment.endswith(".")
    assert len(comment.split()) >= 4


@pytest.mark.parametrize("step", asl.TASKS)
def test_a_task_outlives_its_function(step: str) -> None:
    function = FUNCTIONS[f"{step}Function"].get("Timeout", GLOBALS["Timeout"])
    assert function <= 900
    assert asl.STATES[step]["TimeoutSeconds"] > function


LAMBDA_ERRORS = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
# Steps that wait for an earlier invocation of the deployment; any of those may be that of the longest function.
WRITING = [
    step
    for step in asl.TASKS
    if re.search("^@(writing|restoring)_step$", FOLDERS[snake(step)].read_text(), re.MULTILINE)
]
LONGEST_FUNCTION_SECONDS = max(function.get("Timeout", GLOBALS["Timeout"]) for function in FUNCTIONS.values())
CRASHES = ["States.Timeout", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown"]


# Of these nothing stands half done while they are tried: one holds nothing, one only asks, one only records.
PATIENT = {"TakeTurn", "CheckService", "FinishDeployment"}


@pytest.mark.parametrize("step", MAIN_ROUTE)
def test_a_task_is_tried_again_for_what_passes_and_for_nothing_else(step: str) -> None:
    passing, *waiting, lambda_service, crash = asl.STATES[step]["Retry"]
    often = {"IntervalSeconds": 2, "BackoffRate": 2, "MaxDelaySeconds": 60, "JitterStrategy": "FULL"}
    passes, of_lambda = (20, 20) if step in PATIENT else (5, 6)
    assert passing == {"ErrorEquals": ["TransientError"], "MaxAttempts": passes, **often}
    assert lambda_service == {"ErrorEquals": LAMBDA_ERRORS, "MaxAttempts": of_lambda, **often}
    assert (crash["ErrorEquals"], crash["MaxAttempts"]) == (CRASHES, 1)
    assert [each["ErrorEquals"] for each in waiting] == ([["StillRunningError"]] if step in WRITING else [])


def waits(retrier: dict[str, Any]) -> float:
    """The seconds that all its waits last together, before any is shortened by jitter."""
    return sum(
        min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt, retrier["MaxDelaySeconds"])
        for attempt in range(retrier["MaxAttempts"])
    )


@pytest.mark.parametrize("step", WRITING)
def test_a_step_waits_for_its_earlier_invocation_until_that_cannot_live_any_more(step: str) -> None:
    (retrier,) = (each for each in asl.STATES[step]["Retry"] if "StillRunningError" in each["ErrorEquals"])
    assert "JitterStrategy" not in retrier, "it would shorten the waits"
    assert waits(retrier) > LONGEST_FUNCTION_SECONDS + 30
    assert waits(retrier) < 4 * LONGEST_FUNCTION_SECONDS or step == "RestoreDeployment"


def test_restoring_is_tried_for_hours() -> None:
    passing, still_running, lambda_service, crash, _ = asl.STATES["RestoreDeployment"]["Retry"]
    assert passing["ErrorEquals"] == ["TransientError", "RejectedError"]
    assert (lambda_service["ErrorEquals"], crash["ErrorEquals"]) == (LAMBDA_ERRORS, CRASHES)
    for each in (passing, still_running):
        assert 3 * 3600 < waits(each) < asl.MACHINE["TimeoutSeconds"]


def test_restoring_alone_is_tried_again_for_what_nobody_has_named_and_that_ends() -> None:
    wild = {"States.ALL", "States.TaskFailed"}
    retriers = [(step, retry) for step in asl.TASKS for retry in asl.STATES[step]["Retry"]]
    [(step, last)] = [(step, retry) for step, retry in retriers if wild & set(retry["ErrorEquals"])]
    assert (step, last) == ("RestoreDeployment", asl.STATES["RestoreDeployment"]["Retry"][-1])
    assert (last["ErrorEquals"], last["MaxAttempts"]) == (["States.TaskFailed"], 5), "a bug comes to light in minutes"


def test_every_error_name_is_awss_or_ours() -> None:
    named = {error for step in asl.TASKS for retry in asl.STATES[step]["Retry"] for error in retry["ErrorEquals"]}
    ours = {name for name in named if "." not in name}
    assert {name for name in ours if isinstance(getattr(rota.errors, name, None), type)} == ours
    assert named - ours == {*LAMBDA_ERRORS, *CRASHES, "States.TaskFailed"}


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


def test_each_result_adds_one_key_that_the_event_does_not_have() -> None:
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


def test_nothing_but_the_frame_reads_the_environment() -> None:
    readers = {path.name for path in SOURCES if re.search(r"\benviron\b|\bgetenv\b", path.read_text())}
    assert readers == {"step.py"}


def test_every_model_forbids_what_it_does_not_know() -> None:
    loose = {
        name
        for name, model in vars(rota.contract).items()
        if isinstance(model, type)
        and issubclass(model, rota.contract.Shape)
        and model.model_config["extra"] != "forbid"
    }
    assert loose == set()
    assert get_type_hints(rota.contract.TakeTurnInput)["event"] is Any, "the event's keys are AWS's to choose"


def test_no_models_fault_shows_what_it_was_given() -> None:
    """It goes into the log, the cause, the ledger and the mail, and environment values are nobody's business there."""
    layer = ROOT / "layers/rota"
    names = [".".join(path.relative_to(layer).with_suffix("").parts) for path in SOURCES if path.is_relative_to(layer)]
    modules = [importlib.import_module(name) for name in names]
    models = {model for module in modules for model in vars(module).values() if isinstance(model, type)}
    shapes = {model for model in models if issubclass(model, BaseModel) and model is not BaseModel}
    assert {model.__name__ for model in shapes if not model.model_config.get("hide_input_in_errors")} == set()


# What a step has no use for would only slow its start.
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_environment_of_samconfig_gives_every_parameter_that_has_no_default(environment: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]["deploy"]["parameters"]
    given = dict(override.split("=", 1) for override in config["parameter_overrides"])
    required = {name for name, parameter in TEMPLATE["Parameters"].items() if "Default" not in parameter}
    assert required <= given.keys() <= TEMPLATE["Parameters"].keys()
    for name, value in given.items():
        pattern = TEMPLATE["Parameters"][name].get("AllowedPattern", ".*")
        assert all(re.fullmatch(pattern, each) for each in value.split(","))
