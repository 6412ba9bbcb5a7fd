"""How a run ended, why, who acts: by the texts that AWS was seen to write."""

from datetime import timedelta
from typing import Any

import pytest

from rota.runs import reasons, stops
from rota.runs.event import GivenUp, QueueMessage, started_by_catch_up, task_change
from rota.runs.judge import run_of
from rota.runs.model import Actor, Job, Release, Run, Span, Status, Trigger, Why
from tests.guestbook import DIGEST
from tests.run_events import CREATED, DUE, dead_letter, detail

JOB = Job(
    task="IngestData",
    spans=(Span(expression="cron(0 6 * * ? *)", since=DUE - timedelta(days=9)),),
    retry_age=60,
    grace=300,
)
AUTHOR, OPERATOR = Actor.AUTHOR, Actor.OPERATOR


def judged(**members: Any) -> Run:
    return run_of(task_change(detail(**members)), JOB, "app", ())


def stopped_by_rota(kind: stops.Kind, because: str) -> dict[str, Any]:
    return {"stopCode": "UserInitiated", "stoppedReason": stops.Stop(kind, "IngestData", because).reason}


def not_started(reason: str, **more: Any) -> dict[str, Any]:
    return {"starts": False, "exit_code": None, "stopCode": "TaskFailedToStart", "stoppedReason": reason, **more}


@pytest.mark.parametrize(
    ("members", "status", "why", "reader"),
    [
        pytest.param({"exit_code": 0}, Status.OK, None, None, id="ok"),
        pytest.param({"exit_code": 3}, Status.FAILED, Why.EXIT_CODE, AUTHOR, id="exit code"),
        pytest.param(
            {"exit_code": 137, "container": {"reason": "OutOfMemoryError: container killed due to memory usage"}},
            Status.FAILED,
            Why.OUT_OF_MEMORY,
            AUTHOR,
            id="out of memory",
        ),
        pytest.param(
            {"exit_code": 2, "stoppedReason": "OutOfMemoryError: Container killed due to memory usage"},
            Status.FAILED,
            Why.OUT_OF_MEMORY,
            AUTHOR,
            id="out of memory under a supervisor",
        ),
        pytest.param({"exit_code": 137}, Status.FAILED, Why.KILLED, AUTHOR, id="SIGKILL"),
        pytest.param({"exit_code": 143}, Status.FAILED, Why.KILLED, AUTHOR, id="SIGTERM"),
        pytest.param({"exit_code": 139}, Status.FAILED, Why.KILLED, AUTHOR, id="SIGSEGV"),
        pytest.param(
            {"exit_code": 143, "stopCode": "UserInitiated", "stoppedReason": "Task stopped by user"},
            Status.FAILED,
            Why.STOPPED,
            OPERATOR,
            id="stopped by a person",
        ),
        pytest.param(
            {"exit_code": 0, "stopCode": "UserInitiated", "stoppedReason": "Task stopped by user"},
            Status.FAILED,
            Why.STOPPED,
            OPERATOR,
            id="stopped by a person, and obeyed",
        ),
        pytest.param(
            {"exit_code": 143, "stopCode": "SpotInterruption", "stoppedReason": "Your Spot Task was interrupted."},
            Status.FAILED,
            Why.SPOT,
            OPERATOR,
            id="spot",
        ),
        pytest.param(
            {
                "exit_code": 143,
                "stopCode": "ServiceSchedulerInitiated",
                "stoppedReason": "ECS is performing maintenance on the underlying infrastructure hosting the task",
            },
            Status.FAILED,
            Why.HOST,
            OPERATOR,
            id="maintenance",
        ),
        pytest.param(
            {"exit_code": 143, "stopCode": "TerminationNotice", "stoppedReason": "(task terminated)"},
            Status.FAILED,
            Why.HOST,
            OPERATOR,
            id="termination",
        ),
        pytest.param(
            {"exit_code": 1, "stopCode": "SolarFlare", "stoppedReason": "The sun was too bright."},
            Status.FAILED,
            Why.OTHER,
            OPERATOR,
            id="a stop code that is new",
        ),
        pytest.param(
            {"exit_code": 143, **stopped_by_rota("max_runtime", "3600")},
            Status.FAILED,
            Why.MAX_RUNTIME,
            AUTHOR,
            id="stopped by Rota after max_runtime",
        ),
        pytest.param(
            {"starts": False, "exit_code": None, **stopped_by_rota("skip", "9a8b7c")},
            Status.SKIPPED,
            Why.OVERLAP,
            AUTHOR,
            id="skipped by Rota",
        ),
        pytest.param(
            {"exit_code": 143, **stopped_by_rota("skip", "9a8b7c")},
            Status.FAILED,
            Why.OVERLAP,
            AUTHOR,
            id="skipped by Rota, but it had begun",
        ),
        pytest.param(
            {"exit_code": 0, **stopped_by_rota("replace", "9a8b7c")},
            Status.REPLACED,
            Why.OVERLAP,
            AUTHOR,
            id="replaced by Rota",
        ),
        pytest.param({"exit_code": None}, Status.FAILED, Why.OTHER, OPERATOR, id="no exit code"),
        pytest.param(
            not_started(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
                "docker.io/library/no_such_image:latest: docker.io/library/no_such_image:latest: not found"
            ),
            Status.NOT_STARTED,
            Why.IMAGE,
            OPERATOR,
            id="no such image",
        ),
        pytest.param(
            not_started(
                "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed "
                "open: failed to do request: Get https://prod-us-east-1-starport: dial tcp 10.0.0.7:443: i/o timeout"
            ),
            Status.NOT_STARTED,
            Why.NETWORK,
            OPERATOR,
            id="ECR out of reach",
        ),
        pytest.param(
            not_started(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
                "failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch "
                "secret arn:aws:secretsmanager:us-east-1:123456789012:secret:db: ResourceNotFoundException: Secrets "
                "Manager can't find the specified secret."
            ),
            Status.NOT_STARTED,
            Why.SECRET,
            OPERATOR,
            id="no such secret",
        ),
        pytest.param(
            not_started(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
                "failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not "
                "exist. : exit status 1"
            ),
            Status.NOT_STARTED,
            Why.LOGS,
            OPERATOR,
            id="no log group",
        ),
        pytest.param(
            not_started("ECS was unable to assume the role 'arn:aws:iam::123456789012:role/x' that was provided"),
            Status.NOT_STARTED,
            Why.ROLE,
            OPERATOR,
            id="role",
        ),
        pytest.param(
            not_started("Timeout waiting for network interface provisioning to complete."),
            Status.NOT_STARTED,
            Why.NETWORK,
            OPERATOR,
            id="network interface",
        ),
        pytest.param(
            not_started(
                "Capacity is unavailable at this time. Please try again later or in a different availability zone"
            ),
            Status.NOT_STARTED,
            Why.CAPACITY,
            OPERATOR,
            id="capacity",
        ),
        pytest.param(
            not_started(
                "Task failed to start",
                container={
                    "reason": "CannotStartContainerError: ResourceInitializationError: failed to create new container "
                    'runtime task: exec: "./bin/start": stat ./bin/start: no such file or directory: unknown'
                },
            ),
            Status.NOT_STARTED,
            Why.COMMAND,
            AUTHOR,
            id="no such command",
        ),
        pytest.param(
            not_started("Task failed to start", container={"reason": "exec /bin/start: exec format error"}),
            Status.NOT_STARTED,
            Why.IMAGE,
            AUTHOR,
            id="another processor",
        ),
        pytest.param(
            {"starts": False, "exit_code": None, "stopCode": "UserInitiated", "stoppedReason": "Task stopped by user"},
            Status.NOT_STARTED,
            Why.STOPPED,
            OPERATOR,
            id="stopped before it ran",
        ),
        pytest.param(
            not_started("A reason of tomorrow"), Status.NOT_STARTED, Why.OTHER, OPERATOR, id="a reason that is new"
        ),
    ],
)
def test_an_end_is_judged(members: dict[str, Any], status: Status, why: Why | None, reader: Actor | None) -> None:
    run = judged(**members)
    assert (run.status, run.reason and run.reason.why, run.reason and run.reason.reader) == (status, why, reader)
    if run.reason:
        assert run.reason.todo.endswith(".")
        assert not run.reason.words.endswith(".")
        assert members.get("stoppedReason", "") in run.reason.aws


def test_the_container_that_is_named_decides() -> None:
    """A sidecar's end stops the task; that is no failure of the job."""
    task = detail(exit_code=0)
    task["containers"].insert(0, {"name": "proxy", "exitCode": 1, "image": "envoy:1"})
    assert run_of(task_change(task), JOB, "app", ()).status == Status.OK
    assert run_of(task_change(task), JOB, "proxy", ()).status == Status.FAILED


def test_a_run_lasts_until_its_container_ends() -> None:
    """The task goes on for as long as ECS takes to remove its network interface."""
    run = judged(seconds=7)
    assert run.seconds == pytest.approx(7, abs=1)
    assert run.started_at == CREATED + timedelta(seconds=30)
    assert run.ended_at == (CREATED + timedelta(seconds=37)).replace(microsecond=0)
    assert judged(status="DEPROVISIONING").ended_at is None


@pytest.mark.parametrize(
    ("members", "due", "traced"),
    [
        pytest.param({"scheduled_at": DUE - timedelta(days=1)}, DUE - timedelta(days=1), True, id="as it says"),
        pytest.param({}, DUE, False, id="the latest due minute"),
        pytest.param({"created": DUE - timedelta(seconds=1)}, DUE - timedelta(days=1), False, id="just before it"),
        pytest.param({"created": DUE}, DUE, False, id="at once"),
        pytest.param({"startedBy": "rota-run/kim"}, CREATED.replace(microsecond=0), False, id="by hand"),
    ],
)
def test_when_a_run_was_due(members: dict[str, Any], due: Any, traced: bool) -> None:
    run = judged(**members)
    assert (run.scheduled_at, run.traced) == (due, traced)


def test_when_a_run_was_due_goes_by_the_schedule_of_its_time() -> None:
    changed = DUE + timedelta(hours=1)
    spans = (JOB.spans[0].model_copy(update={"until": changed}), Span(expression="cron(0 8 * * ? *)", since=changed))
    job = JOB.model_copy(update={"spans": spans})
    later = CREATED + timedelta(hours=2)
    assert run_of(task_change(detail()), job, "app", ()).scheduled_at == DUE
    assert run_of(task_change(detail(created=later)), job, "app", ()).scheduled_at == DUE + timedelta(hours=2)


def test_a_run_of_a_rate_was_due_when_it_was_created() -> None:
    job = JOB.model_copy(update={"spans": (Span(expression="rate(10 minutes)", since=DUE),)})
    assert run_of(task_change(detail()), job, "app", ()).scheduled_at == CREATED.replace(microsecond=0)


def test_a_run_knows_its_release() -> None:
    releases = (Release(number=40, digest="sha256:" + "0" * 64), Release(number=41, tag="b81d07e", digest=DIGEST))
    run = run_of(task_change(detail()), JOB, "app", releases)
    assert run.release == releases[1]
    assert judged().release == Release(digest=DIGEST)
    assert run.trigger == Trigger.SCHEDULE


@pytest.mark.parametrize(
    ("minutes", "number"),
    [([-60, 5], 1), ([-60, -5], 2), ([5, 10], 2)],
    ids=["the next went live later", "the next was live", "being deployed"],
)
def test_of_two_releases_of_one_image_a_run_has_that_of_its_begin(minutes: list[int], number: int) -> None:
    created = task_change(detail()).created_at
    releases = [
        Release(number=each + 1, digest=DIGEST, since=created + timedelta(minutes=at))
        for each, at in enumerate(minutes)
    ]
    found = run_of(task_change(detail()), JOB, "app", releases).release
    assert found
    assert found.number == number


@pytest.mark.parametrize(
    ("letter", "why", "words"),
    [
        ({"code": "NO_PERMISSIONS"}, Why.REFUSED, "the role with which EventBridge starts tasks does not allow it"),
        (
            {"code": "THROTTLING", "retries": 12, "exhausted": "MaximumEventAgeInSeconds"},
            Why.REFUSED,
            "ECS throttled the request, and EventBridge gave up after 12 retries because its retry age was over",
        ),
        (
            {"code": "THROTTLING", "retries": 2, "exhausted": "MaximumRetryAttempts"},
            Why.REFUSED,
            "ECS throttled the request, and EventBridge gave up after 2 retries because no retry was left",
        ),
        ({"code": "NO_RESOURCE"}, Why.REFUSED, "the cluster or the task's revision is gone"),
        ({"code": "BAD_LUCK"}, Why.REFUSED, "EventBridge could not start the task"),
        (
            {"code": "ERROR_FROM_TARGET", "text": "Capacity is unavailable at this time"},
            Why.CAPACITY,
            "Fargate had no capacity for the task",
        ),
    ],
    ids=["denied", "too old", "too often", "gone", "new", "capacity"],
)
def test_a_dead_letter_says_why(letter: dict[str, Any], why: Why, words: str) -> None:
    read = QueueMessage.model_validate(dead_letter(**letter), extra="ignore").read()
    assert isinstance(read, GivenUp)
    reason = reasons.reason_of_dead_letter(read)
    assert (reason.why, reason.words, reason.reader) == (why, words, Actor.OPERATOR)
    assert reason.aws == f"{read.code}: {read.message}"


def test_a_stop_after_max_runtime_says_who_and_why() -> None:
    asked = stopped_by_rota("max_runtime", "3600")
    assert asked["stoppedReason"] == "Rota stopped IngestData: it ran for longer than its max_runtime, 3600 s"
    reason = judged(exit_code=143, **asked).reason
    assert reason is not None
    assert reason.words == "it was stopped by Rota after max_runtime, 3600 s"


@pytest.mark.parametrize("kind", ["max_runtime", "skip", "replace"])
def test_rotas_reason_is_read_back(kind: stops.Kind) -> None:
    stop = stops.Stop(kind, "Ingest.Data_2-b", "9a8b7c")
    stopped = detail(stopCode="UserInitiated", stoppedReason=stop.reason)
    assert stops.of(task_change(stopped)) == stop
    assert stops.of(task_change(stopped | {"stoppedReason": f"{stop.reason} or so"})) is None
    assert stops.of(task_change(stopped | {"stopCode": "EssentialContainerExited"})) is None


def test_a_skipped_run_names_the_one_that_went_on() -> None:
    assert judged(starts=False, exit_code=None, **stopped_by_rota("skip", "9a8b7c")).overlaps == "9a8b7c"


def test_what_catch_up_started_is_the_run_of_its_minute() -> None:
    """Whether or not its target passes the time."""
    started = started_by_catch_up(DUE)
    run = judged(created=DUE + timedelta(hours=7), startedBy=started)
    assert (run.scheduled_at, run.trigger, run.traced) == (DUE, Trigger.CATCH_UP, True)
    assert len(started) <= 36
