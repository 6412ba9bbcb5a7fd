"""Why a release or a run is as it is."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import click
import pytest
from botocore.client import BaseClient
from botocore.stub import Stubber

from rota.cli.explain import deployment, task, text
from rota.cli.explain.model import Explanation, Link
from rota.cli.frame import Account
from rota.cli.output import Output
from tests.cli.test_releases import DIGESTS, LIVE, entry

BAR = {"digest": DIGESTS["c3"], "by": "user/ana", "reason": "the login fails"}


@pytest.mark.parametrize(
    ("given", "headline", "barred"),
    [
        (entry(3, "b2"), "v3 = tag-b2 sha256:b2b2b2b2b2b2: deployed, and it is live", []),
        (
            entry(2, "c3"),
            "v2 = tag-c3 sha256:c3c3c3c3c3c3: deployed, and its image is barred",
            [("by user/ana", 'a rollback left it, and no push of it deploys: "the login fails"')],
        ),
        (entry(1, "a1"), "v1 = tag-a1 sha256:a1a1a1a1a1a1: deployed", []),
    ],
    ids=["live", "barred", "an earlier one"],
)
def test_a_barred_release_says_so(given: dict[str, Any], headline: str, barred: list[tuple[str, str]]) -> None:
    found = deployment.explain_entry(Account(Output(), env="prod"), given, LIVE, [BAR], utc=True)
    assert found.headline == headline
    assert [(each.name, each.because) for each in found.chain if each.what == "barred"] == barred
    assert ("rota resume --barred --env prod" in " ".join(found.advice)) == bool(barred)


SIX, SEVEN = (datetime(2026, 11, 30, hour, tzinfo=UTC) for hour in (6, 7))


@pytest.mark.parametrize(
    ("due", "began", "cost", "is_lacking"),
    [
        ([], [], "", False),
        ([SIX], [], "; one run, due 06:00, did not start", True),
        ([SIX, SEVEN], ["05:00", "06:30", None], "; 2 runs did not start, the last one due 07:00", True),
        ([SIX], ["06:30"], "; one run, due 06:00, did not start", False),
    ],
    ids=["not due", "once", "twice", "it ran since"],
)
def test_what_a_pause_has_cost(due: list[datetime], began: list[str | None], cost: str, is_lacking: bool) -> None:
    runs = [{"created_at": f"2026-11-30T{each}:00+00:00"} if each else {} for each in began]
    now = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert (task.cost_of_a_pause(due, now, utc=True), task.nothing_ran_since(due, runs)) == (cost, is_lacking)


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (
            {"words": "EventBridge was refused", "aws": "role/events is not authorized to perform: ecs:RunTask"},
            [
                ("last run", "missed: EventBridge was refused"),
                ("AWS says", "role/events is not authorized to perform: ecs:RunTask"),
            ],
        ),
        ({"words": "its schedule is disabled"}, [("last run", "missed: its schedule is disabled")]),
        (None, [("last run", "missed")]),
    ],
    ids=["in AWS's words too", "in Rota's alone", "unknown"],
)
def test_a_bad_run_is_explained_in_awss_words(reason: dict[str, str] | None, says: list[tuple[str, str]]) -> None:
    run = {"status": "missed", "scheduled_at": "2026-11-30T06:00:00Z", "reason": reason}
    found = task.links_of_last_run(run, datetime(2026, 11, 30, 9, tzinfo=UTC), utc=True)
    assert [(each.what, each.because) for each in found] == says


def test_a_migration_is_not_said_to_be_as_before() -> None:
    steps = dict.fromkeys(("RegisterRevisions", "RunBefore"), "2026-11-30T06:00:00+00:00")
    before = {"task_arn": "arn/4f2a", "revision": "guestbook:3", "finished": True, "exit_code": 1}
    failed = {**entry(4, "c3"), "outcome": "failed", "deployment": {"entered": steps, "before": before}}
    found = deployment.explain_entry(Account(Output()), failed, None, [], utc=True)
    (now,) = (each.because for each in found.chain if each.what == "now")
    assert now == "everything that RegisterRevisions changed is as before; what the migration did stays"


STEPS = dict.fromkeys(("TakeTurn", "RegisterRevisions", "CreateTargets"), "2026-11-30T06:00:00+00:00")
HALF_NEW = "it is being restored, or its restore was given up: schedules or the service may be half new"


@pytest.mark.parametrize(
    ("outcome", "entered", "now"),
    [
        ("failed", STEPS, "everything that RegisterRevisions, CreateTargets changed is as before"),
        ("failed", {"TakeTurn": STEPS["TakeTurn"]}, "nothing had been changed"),
        ("aborted", STEPS, "everything that RegisterRevisions, CreateTargets changed is as before"),
        ("held", {}, "nothing had been changed"),
        ("restoring", STEPS, HALF_NEW),
    ],
)
def test_what_became_of_what_it_had_changed(outcome: str, entered: dict[str, str], now: str) -> None:
    given = {**entry(4, "c3", outcome), "deployment": {"entered": entered}}
    found = deployment.explain_entry(Account(Output()), given, None, [], utc=True)
    assert [(each.name, each.because) for each in found.chain if each.what == "now"] == [(outcome, now)]


RECORD: dict[str, Any] = {
    "entered": {
        "RunAfter": "2026-11-30T06:01:10+00:00",
        "RollService": "2026-11-30T06:00:20+00:00",
        "TakeTurn": "2026-11-30T06:00:00+00:00",
    },
    "seconds": {"RollService": "40.5"},
    "tasks": 3,
    "failed_step": "RunAfter",
    "error": {"Error": "TaskFailedError", "Cause": "exit 1"},
    "before": {"task_arn": "arn/4f2a", "revision": "shop:3", "finished": True, "exit_code": 0},
    "after": {"task_arn": "arn/5f2a", "revision": "shop:3", "finished": True},
}
WHOLE = entry(4, "c3", "failed") | {
    "started_at": "2026-11-30T06:00:00+00:00",
    "finished_at": "2026-11-30T06:01:30+00:00",
    "kind": "image",
    "by": "user/ana",
    "reason": "the new prices",
    "summary": "schedules: 1 new",
    "durations": "RollService 40 s",
    "deployment": RECORD,
}
STEPS_OF_WHOLE = [
    ("step", "TakeTurn", "entered 06:00:00 UTC"),
    ("step", "RollService", "entered 06:00:20 UTC, worked 40 s"),
    ("step", "RunAfter", "entered 06:01:10 UTC"),
    ("before", "task 4f2a", "ended with exit code 0; its log: rota logs before"),
    ("after", "task 5f2a", "did not run to its end; its log: rota logs after"),
]
BEGUN = ("begun", "Mon 30 Nov 06:00:00 UTC", "image by user/ana")
KEPT = "its steps are in Step Functions for 90 days"
FILE, PLAN = ("schedule file", "k", "3 tasks; version 1"), ("plan", "", "schedules: 1 new")
TOOK = ("took", "90 s", "RollService 40 s")
NOW_AS_BEFORE = "everything that RollService changed is as before; what the migration did stays"
PAUSES = {"outcome": "done", "kind": "pause", "execution": "a:b:run-5", "release": None, "summary": "pauses A"}
CHAINS: dict[str, tuple[dict[str, Any], list[tuple[str, str, str]]]] = {
    "everything": (
        WHOLE,
        [
            BEGUN,
            ("reason", "", "the new prices"),
            FILE,
            PLAN,
            *STEPS_OF_WHOLE,
            ("failed", "RunAfter", "TaskFailedError: exit 1"),
            TOOK,
            ("now", "failed", NOW_AS_BEFORE),
            ("execution", "run-4", KEPT),
        ],
    ),
    "its cause is said once": (
        WHOLE | {"cause": "exit 1 of RunAfter"},
        [
            BEGUN,
            ("reason", "", "the new prices"),
            FILE,
            PLAN,
            *STEPS_OF_WHOLE,
            ("failed", "RunAfter", "TaskFailedError"),
            TOOK,
            ("cause", "", "exit 1 of RunAfter"),
            ("now", "failed", NOW_AS_BEFORE),
            ("execution", "run-4", KEPT),
        ],
    ),
    "a run whose end is not known": (
        entry(4, "c3") | {"deployment": {"before": RECORD["before"] | {"finished": False}}},
        [
            ("begun", "", "by hand"),
            ("schedule file", "k", "version 1"),
            ("before", "task 4f2a", "its end is not recorded; its log: rota logs before"),
            ("execution", "run-4", KEPT),
        ],
    ),
    "it has not ended": (
        entry(4, "c3") | {"durations": "RollService 40 s", "started_at": WHOLE["started_at"]},
        [
            ("begun", "Mon 30 Nov 06:00:00 UTC", "by hand"),
            ("schedule file", "k", "version 1"),
            ("took", "", "RollService 40 s"),
            ("execution", "run-4", KEPT),
        ],
    ),
    "a failure of no step": (
        entry(4, "c3") | {"deployment": {"error": {"Error": "RolloutError"}}},
        [
            ("begun", "", "by hand"),
            ("schedule file", "k", "version 1"),
            ("failed", "", "RolloutError"),
            ("execution", "run-4", KEPT),
        ],
    ),
    "a pause": (PAUSES, [("begun", "", "pause"), ("what", "", "pauses A"), ("execution", "run-5", KEPT)]),
}


@pytest.mark.parametrize(("given", "chain"), CHAINS.values(), ids=CHAINS)
def test_the_chain_of_a_deployment(given: dict[str, Any], chain: list[tuple[str, str, str]]) -> None:
    found = deployment.explain_entry(Account(Output()), given, None, [], utc=True)
    assert [(each.what, each.name, each.because) for each in found.chain] == chain


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (entry(4, "c3"), ("release", "v4", "v4 = tag-c3 sha256:c3c3c3c3c3c3: deployed")),
        (
            entry(None, "c3", "failed"),
            ("deployment", "tag-c3 sha256:c3c3c3c3c3c3", "tag-c3 sha256:c3c3c3c3c3c3: failed"),
        ),
        (PAUSES | {"by": "user/ana"}, ("deployment", "", "pause by user/ana: done")),
    ],
    ids=["a release", "no release", "no image"],
)
def test_what_a_deployment_is_called(given: dict[str, Any], named: tuple[str, str, str]) -> None:
    found = deployment.explain_entry(Account(Output()), given, None, [], utc=True)
    assert (found.subject, found.name, found.headline) == named


@pytest.mark.parametrize(
    ("record", "phase"),
    [
        (None, "planning"),
        (RECORD | {"phase": "rolling", "error": None, "execution": {"id": "arn:run-8"}}, "planning"),
        (RECORD | {"phase": "rolling", "error": None, "execution": {"id": "arn:run-9"}}, "rolling"),
    ],
    ids=["none", "an earlier one's", "its own"],
)
def test_the_deployment_that_holds_the_lease(
    record: dict[str, Any] | None, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(_: BaseClient, __: str, request: dict[str, Any]) -> dict[str, Any]:
        return RUNS if request == {"executionArn": "arn:run-9"} else {}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    lease = {"holder": "arn:run-9", **({"deployment": record} if record else {})}
    found = deployment.explain_holder(Account(Output(), region="eu-west-1"), lease, utc=True)
    assert (found.subject, found.name) == ("execution", "run-9")
    assert found.headline == f"run-9 holds the lease; its execution is RUNNING, its phase {phase}"
    assert [(each.what, each.name, each.because) for each in found.chain] == [
        ("input", "it deploys an image", '{"detail": {}}'),
        ("begun", "Mon 30 Nov 06:00:00 UTC", ""),
        *(STEPS_OF_WHOLE if phase == "rolling" else []),
    ]


ONCE_MORE = "then once more: rota deploy --again run-4 --env prod"
LOGGED = "what the service's tasks have logged: rota logs --service --since 1h --env prod"


@pytest.mark.parametrize(
    ("outcome", "record", "advice"),
    [
        (
            "failed",
            {"error": {"Error": "ConfigError"}},
            ["the schedule file's author acts: do what the cause says", ONCE_MORE],
        ),
        ("failed", {"error": {"Error": "RejectedError"}}, ["the operator acts: do what the cause says", ONCE_MORE]),
        ("failed", {"error": {"Error": "RolloutError"}, "failed_step": "CheckService"}, [LOGGED, ONCE_MORE]),
        ("failed", {"error": {"Error": "RolloutError"}, "failed_step": "RollService"}, [LOGGED, ONCE_MORE]),
        ("aborted", {"failed_step": "TakeTurn"}, [ONCE_MORE]),
        ("failed", None, [ONCE_MORE]),
        ("overtaken", None, ["a newer push was deployed instead: rota history"]),
        ("restoring", None, ["a person acts now: rota restore run-4 --env prod"]),
        ("deployed", {}, []),
        ("held", None, []),
    ],
)
def test_what_is_to_be_done_about_a_deployment(outcome: str, record: Any, advice: list[str]) -> None:
    given = entry(4, "c3", outcome) | ({} if record is None else {"deployment": record})
    found = deployment.explain_entry(Account(Output(), env="prod"), given, None, [], utc=True)
    assert found.advice == advice


RUNS: dict[str, Any] = {"name": "run-9", "status": "RUNNING", "startDate": SIX, "input": '{"detail": {}}'}
FAILED = {"status": "FAILED", "error": "RolloutError", "cause": "it did not last"}
PUSH_1 = "arn:aws:states:eu-west-1:111122223333:execution:rota-deploy:push-1"
EXECUTIONS: dict[str, tuple[dict[str, Any], str, list[tuple[str, str, str]]]] = {
    "it runs": ({}, "it deploys an image", []),
    "a dry run": (
        {"input": {"dry_run": True}, "output": {"plan": {"summary": "schedules: 1 new"}}},
        "a dry run, which changes nothing",
        [("plan", "planned", "schedules: 1 new")],
    ),
    "ignored": (
        {"status": "SUCCEEDED", "output": {"turn": {"decision": "ignore", "reason": "its tag does not match"}}},
        "it deploys an image",
        [("TakeTurn", "ignore", "its tag does not match")],
    ),
    "a restore": ({"input": {"detail": {"executionArn": PUSH_1}}}, "it restores push-1", []),
    "failed": (FAILED, "it deploys an image", [("cause", "RolloutError", "it did not last")]),
    "a list and a text": ({"input": [], "output": "x"}, "it deploys an image", []),
}


@pytest.mark.parametrize(("described", "what", "links"), EXECUTIONS.values(), ids=EXECUTIONS)
def test_an_execution_that_the_ledger_does_not_have(
    described: dict[str, Any], what: str, links: list[tuple[str, str, str]]
) -> None:
    whole = RUNS | {key: json.dumps(each) if key in ("input", "output") else each for key, each in described.items()}
    found = deployment.explain_execution(whole, utc=True)
    assert (found.subject, found.name, found.headline) == ("execution", "run-9", f"run-9 is {whole['status']}")
    began, *others = found.chain[0], *found.chain[2:]
    assert (began.name, [(each.what, each.name, each.because) for each in others]) == (what, links)
    watched = ["watch it: rota deploy --watch run-9", "stop it: rota restore run-9"]
    assert found.advice == (watched if whole["status"] == "RUNNING" else [])


def test_a_failed_migration_is_pushed_again_or_deployed_again() -> None:
    failed = {**entry(4, "c3"), "outcome": "failed", "deployment": {"error": {"Error": "TaskFailedError"}}}
    assert deployment.explain_entry(Account(Output()), failed, None, [], utc=True).advice == [
        "the app's developers act: do what the cause says",
        "then push again, or the same image once more: rota deploy --again run-4",
    ]


def test_digests_are_short_but_in_inputs_and_in_what_an_app_has_logged() -> None:
    digest = f"sha256:{'a' * 64}"
    chain = [Link(what, "", digest) for what in ("input", "log", "cause")]
    shown = [click.unstyle(line).split() for line in text.lines(Explanation("task", "A", "A runs", chain), 200)]
    assert shown == [["A", "runs"], ["input", digest], ["log", digest], ["cause", digest[:19]]]


# ---------------------------------------------------------------------- the log of a bad run

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
RUN = {"task_arn": "arn:aws:ecs:eu-west-1:111122223333:task/prod/4f2a", "revision": "shop:3", "status": "failed"}
OPTIONS = {"awslogs-group": "/ecs/shop", "awslogs-stream-prefix": "jobs"}
CONTAINER = {"name": "app", "logConfiguration": {"logDriver": "awslogs", "options": OPTIONS}}
KEY = ["MIIEpAIBAAKCAQEA", "dpA9e6QN/i4WNzMfJQ==", "-----END RSA PRIVATE KEY-----"]
DESCRIBED: dict[str, Any] = {"taskDefinition": {"containerDefinitions": [CONTAINER]}}


def page(*lines: str) -> dict[str, Any]:
    events = [{"timestamp": 0, "message": each, "ingestionTime": 0} for each in lines]
    return {"events": events, "nextForwardToken": "f", "nextBackwardToken": "b"}


def stubbed(service: Any, answers: dict[str, Any]) -> Any:
    """A client that answers each of these operations once, or refuses it with a code."""
    client = boto3.client(service, "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    stub = Stubber(client)
    for operation, answer in answers.items():
        if isinstance(answer, str):
            stub.add_client_error(operation, answer, "Rate exceeded", 400)
        else:
            stub.add_response(operation, answer)
    stub.activate()
    return client


def log_of_the_run(logged: Any, rule: Any = None, overrides: Any = None, described: Any = DESCRIBED) -> list[str]:
    """`overrides`: those of the task that ECS knows; None if it has forgotten it."""
    known = {
        "taskArn": RUN["task_arn"],
        "version": 1,
        "lastStatus": "STOPPED",
        "createdAt": NOW,
        "overrides": overrides,
    }
    known |= {"taskDefinitionArn": "shop:3"}
    tasks = {"tasks": [known] if overrides else []}
    ecs = stubbed("ecs", {"describe_tasks": tasks, "describe_task_definition": described})
    logs = stubbed("logs", {"get_log_events": logged})
    clients, stack = {"ecs": ecs, "logs": logs}, SimpleNamespace(container="app", cluster="prod")
    account = SimpleNamespace(client=clients.__getitem__, stack=stack, now=lambda: NOW)
    facts: Any = SimpleNamespace(account=account, rule=rule)
    return [each.because for each in task._log_links(facts, RUN)]


def test_the_end_of_a_key_is_masked_although_its_begin_is_not_read() -> None:
    assert log_of_the_run(page(*KEY, "ValueError: bad key\n")) == ["***", "ValueError: bad key"]


OVERRIDES = {"containerOverrides": [{"name": "app", "environment": [{"name": "DB_PASSWORD", "value": "hunter22x"}]}]}
TARGET = {"Id": "Mail", "Arn": "arn:aws:ecs:eu-west-1:111122223333:cluster/prod", "EcsParameters": {}}
TIMED = json.dumps(OVERRIDES | {"note": "ROTA_SCHEDULED_AT"})
SCHEDULE = {"Name": "Mail", "State": "ENABLED", "ScheduleExpression": "rate(1 hour)", "tags": {}}


@pytest.mark.parametrize(
    ("rule", "overrides"),
    [
        ({**SCHEDULE, "targets": [TARGET | {"Input": json.dumps(OVERRIDES)}]}, None),
        (
            {
                **SCHEDULE,
                "targets": [
                    TARGET | {"InputTransformer": {"InputPathsMap": {"time": "$.time"}, "InputTemplate": TIMED}}
                ],
            },
            None,
        ),
        ({**SCHEDULE, "GroupName": "rota", "Target": TARGET | {"Input": json.dumps(OVERRIDES)}}, None),
        (None, OVERRIDES),
    ],
    ids=["in a rule's target", "and in its template", "in a schedule's target", "in the task"],
)
def test_secrets_of_a_jobs_overrides_are_masked(rule: Any, overrides: Any) -> None:
    assert log_of_the_run(page("connecting with hunter22x"), rule, overrides) == ["connecting with ***"]


@pytest.mark.parametrize(
    ("described", "logged", "said"),
    [
        (DESCRIBED, "ThrottlingException", "could not be read just now"),
        ("ThrottlingException", page(), "could not be read just now"),
        (DESCRIBED, "ResourceNotFoundException", "it has logged nothing"),
        (DESCRIBED, "AccessDeniedException", "not to be seen: GetLogEvents is denied"),
        (
            "ClientException",
            page(),
            "not to be seen: An error occurred (ClientException) when calling the DescribeTaskDefinition operation: "
            "Rate exceeded",
        ),
    ],
    ids=["throttled", "its revision is throttled", "no stream", "denied", "its revision is deleted"],
)
def test_why_there_are_no_lines_of_a_log(described: Any, logged: Any, said: str) -> None:
    assert log_of_the_run(logged, described=described) == [said]
