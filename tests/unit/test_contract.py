"""The state machine, the template, the functions' folders, the models and the settings agree."""

import ast
import importlib
import json
import re
import shlex
import tomllib
from typing import Any, get_type_hints

import pytest
from pydantic import BaseModel

import rota.errors
from rota.contract import deployment, run_event, step_io
from rota.contract.shape import Shape
from rota.contract.step_io import FailedDeployment
from rota.contract.steps import STEPS, Step
from rota.settings import Settings
from tests import asl
from tests.examples import ANSWERS, EVENTS, PUSH, ROOT
from tests.guestbook import ENVIRONMENT
from tests.template import TEMPLATE

GLOBALS = TEMPLATE["Globals"]["Function"]
FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
VARIABLES = {
    name: value
    for each in (GLOBALS, *(each for each in FUNCTIONS.values() if "Environment" in each))
    for name, value in each["Environment"]["Variables"].items()
}
SUBSTITUTIONS = TEMPLATE["Resources"]["DeployStateMachine"]["Properties"]["DefinitionSubstitutions"]
FOLDERS = {folder.name: folder / "app.py" for folder in (ROOT / "functions").iterdir() if folder.is_dir()}
SOURCES = [*sorted((ROOT / "layers/rota/rota").rglob("*.py")), *FOLDERS.values()]


STEP = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
PLAIN_FRAMES, WRITING_FRAMES = {"step"}, {"writing_step", "running_step", "finishing_step", "restoring_step"}


def handler(folder: str) -> ast.FunctionDef:
    """The function that Lambda calls."""
    (found,) = (
        node
        for node in ast.parse(FOLDERS[folder].read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "handler"
    )
    return found


def frames(folder: str) -> set[str]:
    """The names of what decorates the handler, without arguments."""
    return {ast.unparse(decorator).partition("(")[0] for decorator in handler(folder).decorator_list}


def test_the_table_of_steps_is_the_state_machine() -> None:
    assert [step.name for step in STEPS] == asl.TASKS
    assert {step.name: f"$.{step.result}" for step in STEPS} == {
        name: asl.STATES[name]["ResultPath"] for name in asl.TASKS
    }


@STEP
def test_a_step_has_one_name_everywhere(step: Step) -> None:
    token = f"{step.name}FunctionArn"
    assert asl.STATES[step.name]["Resource"] == f"${{{token}}}"
    assert SUBSTITUTIONS[token] == {"Fn::GetAtt": [f"{step.name}Function", "Arn"]}
    assert FUNCTIONS[f"{step.name}Function"]["CodeUri"] == f"functions/{step.folder}/"
    assert (EVENTS / f"{step.folder}.json").is_file()
    function = handler(step.folder)
    given, answered = ast.unparse(function.args.args[0]), ast.unparse(function.returns) if function.returns else ""
    assert (given, answered) == (f"request: {step.name}Input", f"{step.name}Output")
    shapes = vars(step_io)
    assert (step.input, step.output) == (shapes[f"{step.name}Input"], shapes[f"{step.name}Output"])


@STEP
def test_a_step_that_writes_holds_the_lease(step: Step) -> None:
    (used,) = frames(step.folder)
    assert used in (WRITING_FRAMES if step.writes else PLAIN_FRAMES)
    assert (used == "restoring_step") == (step is STEPS[-1])
    assert (used == "finishing_step") == (step in STEPS[-3:-1])


@STEP
def test_a_step_is_handed_what_its_shape_asks_for(step: Step) -> None:
    given = {name.removesuffix(".$") for name in asl.STATES[step.name]["Parameters"]}
    assert given == step.input.model_fields.keys()


def test_a_steps_progress_comes_from_its_answer() -> None:
    assert {step.name: step.progress.format_map(ANSWERS[step.name].model_dump()) for step in STEPS} == {
        "TakeTurn": "the lease was free",
        "ReadConfig": "tasks in the schedule file: 3; file, image and service are in order",
        "PlanDeployment": "schedules: 3 new, 1 removed; 4 revisions to register; the service rolls",
        "RegisterRevisions": "revisions registered: 4",
        "RunBefore": "migration: ended with exit code 0",
        "ClearRules": "rules disabled: 1",
        "CreateTargets": "schedules written: 3",
        "RollService": "ecs-svc/4715923880071926253 begun",
        "CheckService": "2 of 2 tasks run, COMPLETED",
        "RunAfter": "smoke test: ended with exit code 0",
        "FinishDeployment": "recorded: deployed",
        "ChangePauses": "RemoveSpam is paused by ann until 2026-12-24 06:00 UTC: the supplier is down",
        "RestoreDeployment": "recorded: failed",
    }


def test_a_failed_deployment_knows_each_steps_answer() -> None:
    added = {step.result: step.output | None for step in STEPS[:-3]}
    fields = {name: field.annotation for name, field in FailedDeployment.model_fields.items() if name != "error"}
    assert fields == added


def test_a_function_that_is_no_step_answers_events() -> None:
    steps = {step.folder for step in STEPS}
    assert steps <= FOLDERS.keys()
    assert {folder for folder in FOLDERS.keys() - steps if frames(folder) != {"on_event"}} == set()
    assert {function["CodeUri"] for function in FUNCTIONS.values()} == {f"functions/{folder}/" for folder in FOLDERS}
    assert {f"{step.name}FunctionArn" for step in STEPS} == SUBSTITUTIONS.keys()
    assert {path.stem for path in EVENTS.iterdir()} == FOLDERS.keys() | {"ecr_push"}
    assert GLOBALS["Handler"] == "app.handler"
    assert not any("Handler" in function for function in FUNCTIONS.values())


def test_the_machine_may_invoke_its_steps_and_nothing_else() -> None:
    policies = TEMPLATE["Resources"]["DeployStateMachine"]["Properties"]["Policies"]
    statements = [statement for policy in policies for statement in policy["Statement"]]
    (invoke,) = (each for each in statements if each["Action"] == "lambda:InvokeFunction")
    assert invoke["Resource"] == [{"Fn::GetAtt": [f"{step.name}Function", "Arn"]} for step in STEPS]


def test_every_token_is_quoted_and_filled_by_the_template() -> None:
    tokens = re.findall(r"\$\{(\w+)\}", asl.TEXT)
    assert len(tokens) == len(re.findall(r'"\$\{\w+\}"', asl.TEXT))
    assert set(tokens) == SUBSTITUTIONS.keys()


def test_every_state_has_a_comment() -> None:
    comments = {name: state["Comment"] for name, state in asl.STATES.items()}
    assert [name for name, text in comments.items() if not text.endswith(".") or len(text.split()) < 4] == []


@STEP
def test_a_task_outlives_its_function(step: Step) -> None:
    function = FUNCTIONS[f"{step.name}Function"].get("Timeout", GLOBALS["Timeout"])
    assert function <= 900
    assert asl.STATES[step.name]["TimeoutSeconds"] == function + 30, "the time of a cold start and of a lost response"


def test_an_execution_lasts_four_days_beside_a_rollout_of_ecs() -> None:
    """ECS ends a service deployment after 30 days, in which it may wait for a person; `before` and `after` may run for
    a day each.
    """
    assert asl.MACHINE["TimeoutSeconds"] == (2 + 2 + 30) * 24 * 3600


LAMBDA_ERRORS = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
CRASHES = ["States.Timeout", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown"]
LONGEST_FUNCTION_SECONDS = max(function.get("Timeout", GLOBALS["Timeout"]) for function in FUNCTIONS.values())


def retrier(errors: list[str], attempts: int, first: float = 2, longest: int = 60) -> dict[str, Any]:
    """Retries after waits that double, each shortened by jitter."""
    waits = {"IntervalSeconds": first, "MaxAttempts": attempts, "BackoffRate": 2, "MaxDelaySeconds": longest}
    return {"ErrorEquals": errors, **waits, "JitterStrategy": "FULL"}


def still_running(attempts: int) -> dict[str, Any]:
    """Retries while an earlier invocation may be running; without jitter, because each wait is needed in full."""
    waits = {"IntervalSeconds": 5, "MaxAttempts": attempts, "BackoffRate": 1.5, "MaxDelaySeconds": 60}
    return {"ErrorEquals": ["StillRunningError"], **waits}


def retriers(step: Step) -> list[dict[str, Any]]:
    """The retries of a step as its row in the table of steps asks for them."""
    if step.name == "RestoreDeployment":
        crash = {"ErrorEquals": CRASHES, "IntervalSeconds": 2, "MaxAttempts": 6, "BackoffRate": 2}
        return [
            {"ErrorEquals": ["UnreadableError"], "MaxAttempts": 0},
            retrier(["TransientError", "RejectedError"], 24, 5, 900),
            still_running(200),
            retrier(LAMBDA_ERRORS, 24, longest=900),
            {**crash, "MaxDelaySeconds": 60},
            # It alone is tried again for unnamed errors; a bug is still seen within minutes.
            retrier(["States.TaskFailed"], 5, 5),
        ]
    transient, of_lambda = (20, 20) if step.patient else (5, 6)
    return [
        retrier(["TransientError"], transient),
        *([still_running(60)] if step.writes else []),
        retrier(LAMBDA_ERRORS, of_lambda),
        {"ErrorEquals": CRASHES, "IntervalSeconds": 2, "MaxAttempts": 1},
    ]


@STEP
def test_the_retries_of_a_task(step: Step) -> None:
    assert asl.STATES[step.name]["Retry"] == retriers(step)


def waits(retrier: dict[str, Any]) -> float:
    """The seconds of all waits together, without jitter."""
    seconds: float = sum(
        min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt, retrier["MaxDelaySeconds"])
        for attempt in range(retrier["MaxAttempts"])
    )
    return seconds


def test_a_step_outwaits_an_invocation_without_response() -> None:
    longest = waits(still_running(60))
    assert LONGEST_FUNCTION_SECONDS + 30 < longest < 4 * LONGEST_FUNCTION_SECONDS


def test_a_restore_is_tried_for_hours() -> None:
    _never, passing, other, *_ = retriers(STEPS[-1])
    for each in (passing, other):
        assert 3 * 3600 < waits(each) < asl.MACHINE["TimeoutSeconds"]


def test_every_error_name_is_defined_by_aws_or_in_errors() -> None:
    named = {error for step in asl.TASKS for retry in asl.STATES[step]["Retry"] for error in retry["ErrorEquals"]}
    own = {name for name in named if "." not in name}
    assert {name for name in own if isinstance(getattr(rota.errors, name, None), type)} == own
    assert named - own == {*LAMBDA_ERRORS, *CRASHES, "States.TaskFailed"}


@STEP
def test_every_failure_is_caught_once_and_kept(step: Step) -> None:
    restoring = step.name == "RestoreDeployment"
    assert asl.STATES[step.name]["Catch"] == [
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
    added = {step.result for step in STEPS} | {"error", "restore_error"}
    assert not added & {*PUSH, "dry_run"}
    assert len(added) == len(STEPS) + 1, "RollService and CheckService share one key"


def test_every_state_can_be_reached() -> None:
    texts = {name: json.dumps(state) for name, state in asl.STATES.items()}
    named = {target for text in texts.values() for target in re.findall(r'"(?:Next|Default)": "(\w+)"', text)}
    assert named | {asl.MACHINE["StartAt"]} == asl.STATES.keys()


def test_the_settings_are_the_environment_that_the_template_sets() -> None:
    variables = {name for name in VARIABLES if not name.startswith(("AWS_", "POWERTOOLS_"))}
    assert {name.upper() for name in Settings.model_fields} == variables
    assert variables == ENVIRONMENT.keys()
    own = {name: set(each["Environment"]["Variables"]) for name, each in FUNCTIONS.items() if "Environment" in each}
    assert own == {
        "ReadConfigFunction": {"EVENTS_ROLE_ALLOWS", "TASK_NETWORKS", "SECRETS_ALLOWED"},
        "PlanDeploymentFunction": {"APPROVAL_DAYS"},
        "ApproveFunction": {"STATE_MACHINE_ARN"},
        "RunBeforeFunction": {"JOB_LOG_GROUPS", "LOG_TAIL"},
        "RunAfterFunction": {"JOB_LOG_GROUPS", "LOG_TAIL"},
        "SweepFunction": {"EXPLAIN_MISSED", "JOB_LOG_GROUPS", "LOG_TAIL", "STATE_MACHINE_ARN"},
    }


# The parameter or resource of a variable, if it is not the parameter of the same name.
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
    "NOTIFICATIONS_TOPIC_ARN": "NotificationsTopic",
    "STATE_MACHINE_ARN": "DeployStateMachine",
}


def test_each_setting_has_the_value_of_its_parameter() -> None:
    variables = dict(VARIABLES)
    assert variables.pop("POWERTOOLS_SERVICE_NAME") == "rota"
    assert variables.pop("POWERTOOLS_METRICS_NAMESPACE") == "Rota"
    assert variables.pop("AWS_ENDPOINT_URL") == {"Ref": "AWS::NoValue"}
    role = {"Fn::If": ["MakesEventsRole", {"Fn::GetAtt": ["EventsRole", "Arn"]}, {"Ref": "EventsRoleArn"}]}
    assert variables.pop("EVENTS_ROLE_ARN") == role
    # A stack from before the default `base` has an empty ApiCommand.
    command = {"Fn::If": ["StartsApiAlone", {"Ref": "StartCommand"}, {"Ref": "ApiCommand"}]}
    assert variables.pop("API_COMMAND") == command
    assert variables.pop("SCHEDULER_ROLE_ARN") == {"Fn::GetAtt": ["SchedulerRole", "Arn"]}
    assert variables.pop("RUN_QUEUE_ARN") == {"Fn::GetAtt": ["RunQueue", "Arn"]}
    for name, value in variables.items():
        source = OTHER_SOURCES.get(name) or name.title().replace("_", "")
        is_list = "List" in TEMPLATE["Parameters"].get(source, {"Type": ""})["Type"]
        assert value == ({"Fn::Join": [",", {"Ref": source}]} if is_list else {"Ref": source})


def test_only_the_frame_reads_the_environment() -> None:
    functions = [path for path in SOURCES if "cli" not in path.parts]  # a command has a person's
    readers = {path.name for path in functions if re.search(r"\benviron\b|\bgetenv\b", path.read_text())}
    assert readers == {"frame.py"}


def test_every_model_forbids_unknown_keys() -> None:
    loose = {
        name
        for module in (deployment, run_event, step_io)
        for name, model in vars(module).items()
        if isinstance(model, type) and issubclass(model, Shape) and model.model_config["extra"] != "forbid"
    }
    assert loose == set()
    assert get_type_hints(step_io.TakeTurnInput)["event"] is Any, "AWS chooses the event's keys"


def test_no_validation_error_shows_its_input() -> None:
    """It goes into log, cause, ledger and mail, which must not hold values of environment variables."""
    layer = ROOT / "layers/rota"
    names = [".".join(path.relative_to(layer).with_suffix("").parts) for path in SOURCES if path.is_relative_to(layer)]
    modules = [importlib.import_module(name) for name in names]
    models = {model for module in modules for model in vars(module).values() if isinstance(model, type)}
    shapes = {model for model in models if issubclass(model, BaseModel) and model is not BaseModel}
    assert {model.__name__ for model in shapes if not model.model_config.get("hide_input_in_errors")} == set()


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_samconfig_gives_every_parameter_without_a_default(environment: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]["deploy"]["parameters"]
    given = dict(each.split("=", 1) for override in config["parameter_overrides"] for each in shlex.split(override))
    required = {name for name, parameter in TEMPLATE["Parameters"].items() if "Default" not in parameter}
    assert required <= given.keys() <= TEMPLATE["Parameters"].keys()
    for name, value in given.items():
        pattern = TEMPLATE["Parameters"][name].get("AllowedPattern", ".*")
        assert all(re.fullmatch(pattern, each) for each in value.split(","))


def test_no_push_deploys_to_both_environments_of_samconfig() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    staging, production = (
        next(
            each.partition("=")[2]
            for each in config[environment]["deploy"]["parameters"]["parameter_overrides"]
            if each.startswith("ImageTagPattern=")
        )
        for environment in ("staging", "production")
    )
    # A * at the end alone: what one pattern takes begins with its text.
    assert staging.endswith("*") and production.endswith("*")
    one, other = staging.removesuffix("*"), production.removesuffix("*")
    assert "*" not in one + other
    assert not one.startswith(other)
    assert not other.startswith(one)


# By shape, each member that another version of Rota may leave out, and what it means then.
NOT_SAID: dict[type[Shape], dict[str, Any]] = {
    deployment.Image: {"tag": None, "event_id": None, "pushed_at": None},
    deployment.Origin: {"by": "", "reason": ""},
    deployment.Pinned: {"name": "", "plan": None, "revisions": None},
    deployment.Approval: {"given": ""},
    step_io.TakeTurnOutput: {
        **dict.fromkeys(("image", "origin", "restores", "pinned", "approval")),
        "remark": "",
        "with_before": True,
    },
    step_io.TakeTurnInput: {"turn": None},
    step_io.ReadConfigInput: {"pinned": None, "remark": "", "with_before": True},
    step_io.ReadConfigOutput: {"state": None},
    step_io.PlanDeploymentInput: {"approval": None},
    step_io.PlanDeploymentOutput: {
        "disables": None,
        "targets": 0,
        "waits": False,
        "asks": None,
        "runs_before": False,
        "runs_after": False,
        "begun_at": None,
    },
    step_io.WritingInput: {"revisions": None},
    step_io.RegisterRevisionsInput: {"revisions": None},
    step_io.OneOffRun: {
        "attempt": 1,
        "task_arn": "",
        "revision": "",
        "since": None,
        "asked_at": None,
        "finished": False,
        "exit_code": None,
        "seconds": None,
        "reason": "",
        "progress": "",
        "wait_seconds": 0,
    },
    step_io.RunBeforeInput: {"revisions": None, "before": None},
    step_io.ClearRulesInput: {"revisions": None},
    step_io.ClearRulesOutput: {"disabled": 0},
    step_io.CreateTargetsOutput: {
        "finished": True,
        "wait_seconds": 0,
        "left": (),
        "starts_at": None,
        "ends_at": None,
        "late": (),
        "late_more": 0,
    },
    step_io.CreateTargetsInput: {"revisions": None, "targets": None},
    step_io.RollServiceInput: {"revisions": None},
    step_io.Staged: {"service_deployment": "", "replaces": "", "paused": False, "paused_seconds": 0},
    step_io.Rollout: {"staged": None},
    step_io.CheckServiceInput: {"revisions": None},
    step_io.RunAfterInput: {"revisions": None, "after": None},
    step_io.FinishDeploymentInput: {"revisions": None, "targets": None},
    step_io.FinishDeploymentOutput: {"release": None},
    step_io.CaughtError: {"Cause": ""},
    step_io.RestoreDeploymentInput: {"retries": 0, "event": None},
    run_event.EventRelease: {"number": None, "tag": None},
    run_event.RunEvent: {
        **dict.fromkeys(("started_at", "ended_at", "seconds", "exit_code", "why", "acts", "since", "recovered_at")),
        **dict.fromkeys(("release", "last_good", "good_runs")),
        **dict.fromkeys(("reason", "aws", "todo", "attribution", "log"), ""),
        "bad_runs": 0,
    },
}
# Which of these are left out of JSON, so that the previous version of Rota reads it.
LEFT_OUT = {
    step_io.PlanDeploymentOutput: {"disables", "begun_at"},
    step_io.CreateTargetsOutput: {"late_more"},
    step_io.Rollout: {"staged"},
}


def test_what_a_shape_means_that_does_not_say_all() -> None:
    shapes = {
        model
        for module in (deployment, run_event, step_io)
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, Shape)
    }
    found = {
        shape: {name: field.default for name, field in shape.model_fields.items() if not field.is_required()}
        for shape in shapes
    }
    assert {shape: members for shape, members in found.items() if members} == NOT_SAID
    for shape, members in NOT_SAID.items():
        said = shape.model_construct(**members).model_dump(include={*members})
        assert members.keys() - said.keys() == LEFT_OUT.get(shape, set())
