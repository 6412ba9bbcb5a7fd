"""How a run ended, why, who acts: by the texts that AWS was seen to write."""

from datetime import timedelta
from typing import Any

import pytest

from rota.runs import reasons, stops
from rota.runs.event import GivenUp, QueueMessage, started_by_catch_up, task_change
from rota.runs.judge import run_of
from rota.runs.model import Actor, Job, Reason, Release, Run, Span, Status, Trigger, Why
from tests.guestbook import ACCOUNT, DIGEST, REGION
from tests.run_events import CREATED, DUE, TASK_ID, dead_letter, detail

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


FAR_OFF = "Run it once more if the next run is too far off."
LOOK = "Look at the job's log."
READ_TEXTS = [
    ("OutOfMemoryError", "out_of_memory", "author", "the job ran out of memory",
     'Give the task more "memory" in the schedule file, or let the job use less at a time.'),
    ("ECS is performing maintenance on the underlying infrastructure", "host", "operator",
     "AWS retired the task's host, or it failed", f"Nothing is wrong with the job. {FAR_OFF}"),
    ("Your Spot Task was interrupted", "spot", "operator", "AWS interrupted the Spot task",
     "Run it once more. A job that must not be interrupted should not run on Spot."),
    ("RESOURCE:FARGATE", "capacity", "operator", "Fargate had no capacity for the task",
     "Run it once more later. More subnets, in other availability zones, make it rarer."),
    ("dial tcp: i/o timeout", "network", "operator",
     "the task's network did not come up, or AWS could not be reached from it",
     "Once is chance. If it happens again, check the subnets' route to AWS (a NAT gateway, VPC endpoints, or "
     "AssignPublicIp) and the security groups."),
    ("no matching manifest", "image", "author", "the image is built for another CPU architecture than the task's",
     "Build the image for the task definition's cpuArchitecture."),
    ("CannotPullContainerError", "image", "operator", "the image could not be pulled",
     "Check whether ECR still has the image of that digest, and whether the execution role may pull it."),
    ("failed to initialize logging driver", "logs", "operator", "the task's log could not be opened",
     "Check whether the log group exists, and whether the execution role may write to it."),
    ("unable to fetch from ssm", "secret", "operator", "a secret that the task definition names could not be read",
     "Check whether the secret exists under that name, and whether the execution role may read it."),
    ("AccessDeniedException", "role", "operator", "a role of the task cannot be assumed, or lacks a permission",
     "Look at the task role and the execution role: that both exist, that ECS may assume them, and what they allow."),
    ("executable file not found", "command", "author", "the container's command could not be started",
     "Look at the task's command in the schedule file, and whether the image has that program."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "why", "reader", "words", "todo"), READ_TEXTS, ids=[row[0] for row in READ_TEXTS])
def test_what_a_text_of_aws_means(text: str, why: str, reader: str, words: str, todo: str) -> None:
    known = reasons.reason_in_text(f"It is said: {text.swapcase()}.")
    assert known is not None
    assert known.model_dump(mode="json") == {
        "why": why,
        "words": words,
        "aws": f"It is said: {text.swapcase()}.",
        "todo": todo,
        "reader": reader,
    }


DONE_BY_AWS = "Nothing is known to be wrong with the job. Run it once more if the next run is too far off."
FIX = "Fix what AWS's message names, then run the job once more."
LATER = reasons.reason_in_text("AccessDenied")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        pytest.param(
            judged(exit_code=3).reason,
            ("exit_code", "the job ended with exit code 3", "Essential container in task exited", LOOK, "author"),
            id="exit code",
        ),
        pytest.param(
            judged(exit_code=3, container={"reason": "dial tcp"}).reason,
            (
                "exit_code", "the job ended with exit code 3", "Essential container in task exited; dial tcp", LOOK,
                "author",
            ),
            id="exit code, with a text of AWS",
        ),
        *[
            pytest.param(
                judged(exit_code=code).reason,
                (
                    "killed",
                    f"the job was killed by {signal} (exit code {code})",
                    "Essential container in task exited",
                    "A job that needs more memory than it has is killed like this, too. Look at its log and its "
                    "memory.",
                    "author",
                ),
                id=signal,
            )
            for code, signal in ((137, "SIGKILL"), (139, "SIGSEGV"), (143, "SIGTERM"))
        ],
        pytest.param(
            judged(exit_code=137, container={"reason": "OutOfMemoryError"}).reason,
            (
                "out_of_memory",
                "the job ran out of memory",
                "Essential container in task exited; OutOfMemoryError",
                'Give the task more "memory" in the schedule file, or let the job use less at a time.',
                "author",
            ),
            id="out of memory",
        ),
        pytest.param(
            judged(stopCode="UserInitiated", stoppedReason="Task stopped by user").reason,
            (
                "stopped",
                "a person or a program stopped the task",
                "Task stopped by user",
                "Nothing is wrong with the job. CloudTrail's event StopTask says who it was.",
                "operator",
            ),
            id="stopped by hand",
        ),
        pytest.param(
            judged(stopCode="UserInitiated", stoppedReason="rota stop by user/ana: it hangs").reason,
            (
                "stopped",
                "it was stopped by user/ana: it hangs",
                "rota stop by user/ana: it hangs",
                "Nothing is wrong with the job.",
                "operator",
            ),
            id="stopped by the command",
        ),
        pytest.param(
            judged(exit_code=3, stoppedReason="rota stop by user/ana").reason,
            ("exit_code", "the job ended with exit code 3", "rota stop by user/ana", LOOK, "author"),
            id="words that anyone may write",
        ),
        pytest.param(
            judged(stopCode="SpotInterruption", stoppedReason="(gone)", container={"reason": "killed"}).reason,
            (
                "spot",
                "AWS interrupted the Spot task",
                "(gone); killed",
                "Run it once more. A job that must not be interrupted should not run on Spot.",
                "operator",
            ),
            id="spot",
        ),
        pytest.param(
            judged(stopCode="InfrastructureHealth", stoppedReason="(gone)").reason,
            (
                "host", "AWS retired the task's host, or it failed", "(gone)",
                f"Nothing is wrong with the job. {FAR_OFF}", "operator",
            ),
            id="host",
        ),
        pytest.param(
            judged(stopCode="SolarFlare", stoppedReason="no secret").reason,
            ("other", "AWS stopped the task", "no secret", DONE_BY_AWS, "operator"),
            id="a stop code that is new",
        ),
        pytest.param(
            judged(**not_started("A reason of tomorrow")).reason,
            (
                "other", "ECS could not start the task", "A reason of tomorrow", "AWS's message names the cause.",
                "operator",
            ),
            id="a start that failed for a new reason",
        ),
        pytest.param(
            judged(exit_code=None, stoppedReason="It is gone.").reason,
            (
                "other",
                "the task ended, and its container has no exit code",
                "It is gone.",
                "Look at the job's log, and whether the parameter ContainerName names the right container.",
                "operator",
            ),
            id="no exit code",
        ),
        pytest.param(
            judged(exit_code=None, stoppedReason="RESOURCE:FARGATE").reason,
            (
                "capacity",
                "Fargate had no capacity for the task",
                "RESOURCE:FARGATE",
                "Run it once more later. More subnets, in other availability zones, make it rarer.",
                "operator",
            ),
            id="no exit code, for a reason that is known",
        ),
        pytest.param(
            reasons.reason_of_no_trace(),
            (
                "no_trace",
                "it was due, and ECS has no task for it",
                "",
                "EventBridge reports nothing if ECS has no capacity: CloudTrail's event RunTask of that minute shows "
                "it, and with ExplainMissed Rota reads it. Run the job once more if the next run is too far off.",
                "operator",
            ),
            id="no trace",
        ),
        pytest.param(
            reasons.reason_of_refusal("no secret"),
            ("refused", "ECS refused to start it", "no secret", FIX, "operator"),
            id="refused",
        ),
        pytest.param(
            reasons.reason_of_refusal("Capacity is unavailable"),
            (
                "capacity",
                "Fargate had no capacity for the task",
                "Capacity is unavailable",
                "Run it once more later. More subnets, in other availability zones, make it rarer.",
                "operator",
            ),
            id="no capacity",
        ),
        pytest.param(reasons.reason_of_refusal("AccessDenied"), LATER, id="no right"),
        pytest.param(
            reasons.reason_of_schedule(exists=True),
            (
                "disabled",
                "its schedule is disabled, and not by the schedule file",
                "",
                'Enable the rule, or set "enabled": false in the schedule file to keep it disabled.',
                "operator",
            ),
            id="disabled",
        ),
        pytest.param(
            reasons.reason_of_schedule(exists=False),
            (
                "gone", "its schedule does not exist", "", "Start a deployment: it creates the rule again.",
                "operator",
            ),
            id="gone",
        ),
        pytest.param(
            reasons.reason_of_migration(),
            (
                "migration",
                "its schedule was off while a migration ran (before.pause_tasks)",
                "",
                'Nothing. If such a run is to be started afterwards, give the job "catch_up": "missed".',
                "author",
            ),
            id="migration",
        ),
        *[
            pytest.param(
                reasons.reason_of_absence(away=away),
                (
                    "away",
                    words,
                    "",
                    "CloudTrail's events RunTask of that time show whether the job was started; its log shows the "
                    "rest.",
                    "operator",
                ),
                id=words,
            )
            for away, words in (
                (True, "Rota was not running"),
                (False, "a deployment was changing schedules then, and was restored"),
            )
        ],
        pytest.param(
            reasons.reason_of_no_catching_up(None, "it is over"),
            (
                "other",
                "catch_up did not start it once more: it is over",
                "",
                "Run the job once more yourself if the next run is too far off.",
                "operator",
            ),
            id="not caught up",
        ),
        pytest.param(
            reasons.reason_of_no_catching_up(reasons.reason_of_migration(), "it is over"),
            (
                "migration",
                "catch_up did not start it once more: it is over",
                "",
                "Run the job once more yourself if the next run is too far off.",
                "author",
            ),
            id="not caught up after a migration",
        ),
        pytest.param(
            reasons.reason_of_unseen_end(DUE),
            (
                "away",
                "it was started at 06:00 UTC, and Rota was not looking when it ended",
                "",
                "Its log shows how it ended.",
                "operator",
            ),
            id="an end that was not seen",
        ),
        pytest.param(
            reasons.reason_of_rotas_stop(stops.Stop("skip", "IngestData", "9a8b7c"), began=True),
            (
                "overlap",
                "it was stopped by Rota as it began, because an earlier run of it still ran and its overlap is skip",
                "Rota skipped IngestData: its overlap is skip, and its task 9a8b7c still runs",
                "Look at the job's log: it may have done a part of its work.",
                "author",
            ),
            id="skipped, but it had begun",
        ),
    ],
)  # fmt: skip
def test_a_reason_in_full(reason: Reason | None, expected: tuple[str, ...] | Reason) -> None:
    assert reason is not None
    if isinstance(expected, Reason):
        assert reason == expected
    else:
        assert (reason.why, reason.words, reason.aws, reason.todo, reason.reader) == expected


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


ARNS = f"{REGION}:{ACCOUNT}"


def test_all_that_is_known_of_a_run() -> None:
    run = run_of(task_change(detail(exit_code=3)), JOB, "app", ())
    assert run == Run(
        task="IngestData",
        scheduled_at=DUE,
        task_id=TASK_ID,
        version=5,
        status=Status.FAILED,
        task_arn=f"arn:aws:ecs:{ARNS}:task/production/{TASK_ID}",
        created_at=CREATED.replace(microsecond=849_000),
        started_at=CREATED.replace(microsecond=849_000) + timedelta(seconds=30),
        ended_at=DUE + timedelta(seconds=65),
        seconds=6.151,
        exit_code=3,
        stop_code="EssentialContainerExited",
        reason=judged(exit_code=3).reason,
        release=Release(digest=DIGEST),
        revision=f"arn:aws:ecs:{ARNS}:task-definition/guestbook:6",
    )


def test_all_that_is_known_of_a_task_that_never_ran() -> None:
    run = judged(starts=False, exit_code=None, containers=[], stoppedReason="it failed")
    assert (run.started_at, run.seconds, run.exit_code, run.release) == (None, None, None, None)
    assert run.ended_at == (CREATED + timedelta(seconds=60)).replace(microsecond=849_000), "when ECS had stopped it"
    assert judged(starts=False, exit_code=None, stoppedAt=None).ended_at == run.created_at
    assert judged(status="RUNNING", starts=False).seconds is None
    assert judged(executionStoppedAt="2026-03-01T06:00:00Z").seconds == 0, "ECS's clocks differ"
    assert judged(exit_code=None, starts=False, startedAt="2026-03-01T06:01:00Z").status == Status.FAILED
    assert judged(starts=False, container={"exitCode": 0}).status == Status.OK


@pytest.mark.parametrize(("kind", "named"), [("skip", "1f"), ("replace", ""), ("max_runtime", "")])
def test_only_what_is_skipped_names_the_other_task(kind: stops.Kind, named: str) -> None:
    assert judged(exit_code=143, **stopped_by_rota(kind, "1f")).overlaps == named


def test_a_release_that_goes_live_as_a_run_begins_is_its_release() -> None:
    created = task_change(detail()).created_at
    releases = (
        Release(number=1, digest=DIGEST, since=created),
        Release(number=2, digest=DIGEST, since=created + timedelta(seconds=1)),
    )
    assert run_of(task_change(detail()), JOB, "app", releases).release == releases[0]


def test_the_schedule_that_was_in_force_says_when_a_run_was_due() -> None:
    created = task_change(detail()).created_at
    spans = (JOB.spans[0].model_copy(update={"expression": "cron(0 5 * * ? *)"}),)
    late = JOB.model_copy(update={"spans": (*spans, JOB.spans[0].model_copy(update={"since": created}))})
    assert run_of(task_change(detail()), late, "app", ()).scheduled_at == DUE
    before_all = JOB.model_copy(update={"spans": (JOB.spans[0].model_copy(update={"since": DUE + timedelta(days=1)}),)})
    assert run_of(task_change(detail()), before_all, "app", ()).scheduled_at == DUE
    none = JOB.model_copy(update={"spans": ()})
    assert run_of(task_change(detail()), none, "app", ()).scheduled_at == CREATED.replace(microsecond=0)


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
        *[
            ({"code": code}, Why.REFUSED, words)
            for code, words in {
                "FAILED_TO_ASSUME_ROLE": "EventBridge may not use the role with which it starts tasks",
                "TRANSIENT_ASSUME_ROLE": "EventBridge may not use the role with which it starts tasks",
                "INVALID_PARAMETER": "ECS does not accept what the rule's target asks for",
                "INVALID_JSON": "ECS does not accept what the rule's target asks for",
                "RESOURCE_LIMIT_EXCEEDED": "a quota of the account is reached",
            }.items()
        ],
        ({"code": "NO_RESOURCE"}, Why.REFUSED, "the cluster or the task's revision is gone"),
        ({"code": "BAD_LUCK"}, Why.REFUSED, "EventBridge could not start the task"),
        (
            {"code": "ERROR_FROM_TARGET", "text": "Capacity is unavailable at this time"},
            Why.CAPACITY,
            "Fargate had no capacity for the task",
        ),
    ],
)
def test_a_dead_letter_says_why(letter: dict[str, Any], why: Why, words: str) -> None:
    read = QueueMessage.model_validate(dead_letter(**letter), extra="ignore").read()
    assert isinstance(read, GivenUp)
    reason = reasons.reason_of_dead_letter(read)
    assert (reason.why, reason.words, reason.reader) == (why, words, Actor.OPERATOR)
    assert reason.aws == f"{read.code}: {read.message}"
    assert (reason.todo == FIX) == (why == Why.REFUSED)


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
