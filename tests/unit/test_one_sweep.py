"""One sweep, in memory: what is asked of AWS, what is missed, lost or unknown, and how far it has looked then."""

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from rota.aws import clients
from rota.deployment.items import stored
from rota.errors import RejectedError
from rota.runs import reasons
from rota.runs import sweep as sweeping
from rota.runs.model import Job, Migration, Owed, Release, Run, Span, Status, Swept, UnclearTime, Why
from rota.runs.table import RunTable
from rota.schedules.eventbridge_rules.desired import desired_rule
from rota.settings import Settings
from tests.alerts import failed, incident
from tests.guestbook import APP, CLUSTER_ARN, DIGEST, PREFIX, SETTINGS, arn, task
from tests.log_lines import logged
from tests.month.table import Table
from tests.run_events import DUE, TASK_ID, detail
from tests.run_tables import HttpResponse

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SINCE = DUE - 9 * DAY
DAILY = "cron(0 6 * * ? *)"
EXPLAINS = SETTINGS.model_copy(update={"explain_missed": True})
ACTS = SETTINGS.model_copy(update={"run_actions": "both"})


def at(minutes: float) -> datetime:
    """So many minutes after the job was due."""
    return DUE + minutes * MINUTE


def a_job(expression: str = DAILY, *, since: float = -9 * 1440, until: float | None = None, **more: Any) -> Job:
    """A job that may begin two minutes after it was due, and is missed seven minutes after that."""
    start = more.pop("start", None)
    ends = None if until is None else at(until)
    span = Span(expression=expression, since=at(since), until=ends, start=None if start is None else at(start))
    return Job(**{"task": "IngestData", "spans": (span,), "retry_age": 60, "grace": 300, **more})


JOB = a_job()
MISSED = Run(
    task="IngestData", scheduled_at=DUE, task_id="missed", status=Status.MISSED, reason=reasons.reason_of_no_trace()
)
UNKNOWN = MISSED.model_copy(update={"status": Status.UNKNOWN, "reason": reasons.reason_of_absence(away=True)})


def swept(minutes: float, **more: Any) -> Swept:
    """Sweep has looked until then."""
    known = {"at": at(minutes), "asked_at": at(minutes), "live_since": SINCE, "image_seen_at": DUE + 9 * DAY}
    return Swept(**{**known, **more})


class Account:
    """DynamoDB, ECS, EventBridge, CloudTrail and SNS, which answer so and keep what they are asked."""

    def __init__(self) -> None:
        rule = desired_rule(task(cron="0 6 * * ? *"), SETTINGS, CLUSTER_ARN, arn(7))
        self.live: dict[str, Any] = {
            "number": 41,
            "live_digest": DIGEST,
            "live_schedule_key": "tasks.json",
            "live_schedule_version": "Kp2",
            "live_since": SINCE.isoformat(),
            "live_watched": True,
        }
        self.lease: dict[str, Any] = {}
        self.rule: dict[str, Any] = {
            "Name": rule.name,
            "Arn": f"arn:aws:events:us-east-1:123456789012:rule/{rule.name}",
            "ScheduleExpression": DAILY,
            "State": "ENABLED",
        }
        self.age = 60
        self._target = dict(rule.targets[0])
        self.tasks: list[dict[str, Any]] = []
        self.trail: list[tuple[datetime, dict[str, Any]]] = []
        self.refuses = ""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.said: list[dict[str, Any]] = []
        self._rows = Table()

    @property
    def calls(self) -> Counter[str]:
        return Counter(name for name, _ in self.asked)

    def requests(self, operation: str) -> list[dict[str, Any]]:
        return [request for name, request in self.asked if name == operation]

    def __call__(self, model: Any, context: dict[str, Any], **_: object) -> Any:
        name, request = model.name, context["asked"]
        self.asked.append((name, request))
        status, answer = (400, {"Error": {"Code": "AccessDeniedException", "Message": "no"}})
        if name != self.refuses:
            rows = self._rows.answer(name, request) if model.service_model.service_name == "dynamodb" else None
            status, answer = rows or self._answer(name, request)
        return HttpResponse(status), {**answer, "ResponseMetadata": {"HTTPStatusCode": status}}

    def _answer(self, name: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:  # noqa: PLR0911  one for each call
        missing = 400, {"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}
        match name:
            case "GetItem":
                found = self.live if request["Key"]["record"]["S"] == "releases" else self.lease
                return 200, {"Item": {key: stored(value) for key, value in found.items()}} if found else {}
            case "ListTasks":
                own = [each for each in self.tasks if each["desiredStatus"] == request["desiredStatus"]]
                return 200, {"taskArns": [each["taskArn"] for each in own]}
            case "DescribeTasks":
                return 200, {"tasks": [each for each in self.tasks if each["taskArn"] in request["tasks"]]}
            case "DescribeRule":
                return (200, self.rule) if self.rule else missing
            case "ListTagsForResource":
                return 200, {"Tags": [{"Key": "rota:app", "Value": APP}]}
            case "ListTargetsByRule":
                return 200, {"Targets": [self._target | {"RetryPolicy": {"MaximumEventAgeInSeconds": self.age}}]}
            case "PutEvents":
                self.said += [json.loads(entry["Detail"]) for entry in request["Entries"]]
                return 200, {"FailedEntryCount": 0, "Entries": []}
            case "LookupEvents":
                events = [{"EventTime": at, "CloudTrailEvent": json.dumps(event)} for at, event in self.trail]
                return 200, {"Events": events}
            case "RunTask":
                return 200, {"tasks": [{}], "failures": []}
            case "Publish":
                return 200, {"MessageId": "1"}
        return missing


@pytest.fixture
def account(new_clients: None) -> Account:
    found = Account()
    for made in (clients.dynamodb, clients.ecs, clients.events, clients.scheduler, clients.cloudtrail, clients.sns):
        events = made().meta.events
        events.register("before-parameter-build", lambda params, context, **_: context.update(asked=dict(params)))
        events.register("before-call", found)
    sweeping._settled.clear()
    sweeping._begun.clear()
    return found


def table() -> RunTable:
    return RunTable(clients.dynamodb(), SETTINGS.table, APP)


def known(before: Swept, *jobs: Job, runs: tuple[Run, ...] = ()) -> None:
    """What is in the table before the sweep."""
    rows = table()
    for job in jobs:
        rows.put_settings(job)
        rows.update_state(job, job)
    for run in runs:
        rows.put(run, None)
    rows.put_releases([Release(number=41, digest=DIGEST)])
    rows.put_swept(before)


def look(account: Account, minutes: float, settings: Settings = SETTINGS) -> list[Run]:
    """Sweep so many minutes after the job was due. Returns what has ended or is missed."""
    ended: list[Run] = []
    account.asked.clear()
    sweeping.sweep(settings, at(minutes), ended.append)
    return ended


def found(account: Account, before: Swept, minutes: float, job: Job = JOB, settings: Settings = SETTINGS) -> list[Run]:
    """The same, of one job."""
    known(before, job)
    return look(account, minutes, settings)


def changing(account: Account, minutes: float) -> None:
    """A deployment has changed schedules since then."""
    since = at(minutes).isoformat()
    execution = {"id": "arn", "name": "v42", "started_at": since}
    account.lease = {"holder": "arn", "deployment": {"execution": execution, "entered": {"CreateTargets": since}}}


# ---------------------------------------------------------------------- when a run is missed


@pytest.mark.parametrize(
    ("before", "now", "missed"),
    [
        pytest.param(5, 7 - 1 / 60, [], id="a second before its time is over"),
        pytest.param(5, 7, [MISSED], id="its time is over"),
        pytest.param(7, 8, [], id="that was known"),
        pytest.param(-43, 7, [MISSED], id="fifty minutes after the last look"),
    ],
)
def test_a_run_is_missed_once_its_time_is_over(account: Account, before: int, now: float, missed: list[Run]) -> None:
    assert found(account, swept(before), now) == missed
    assert table().swept() == swept(now)
    assert [(event["task"], event["kind"]) for event in account.said] == [("IngestData", "missed")] * len(missed)
    assert account.calls["Publish"] == len(missed)
    assert table().run(MISSED.key) == (MISSED if missed else None)


@pytest.mark.parametrize(
    ("job", "before", "now", "due"),
    [
        pytest.param(a_job(since=0), 6, 7, [0], id="a schedule of that minute on"),
        pytest.param(a_job(since=1 / 60), 6, 7, [], id="of a second later"),
        pytest.param(a_job(until=0), 6, 7, [], id="until then"),
        pytest.param(a_job(until=1 / 60), 6, 7, [0], id="until a second later"),
        pytest.param(a_job(until=-9), 6, 7, [], id="over before"),
        pytest.param(a_job("at(2026-03-01T06:00:00)"), 6, 7, [0], id="one time"),
        pytest.param(a_job("cron(0 7 * * ? *)"), 6, 7, [], id="due later"),
        pytest.param(a_job("rate(15 minutes)", start=0), 6, 7, [0], id="a rate from its start"),
        pytest.param(a_job("rate(15 minutes)", start=0), 6, 7 - 1 / 60, [], id="a second before"),
        pytest.param(a_job("rate(15 minutes)", start=0), 7, 8, [], id="of which all is known"),
        pytest.param(a_job("rate(15 minutes)", since=-15), 6, 7, [0], id="a rate within a period"),
        pytest.param(a_job("rate(15 minutes)", since=-14.9), 6, 7, [], id="and no earlier"),
        pytest.param(a_job("rate(15 minutes)", since=0.5 / 60 - 15), 6, 7 + 1 / 60, [0], id="in whole seconds"),
        pytest.param(
            a_job("rate(15 minutes)", start=0, last_run_at=at(-7.5)), 6, 7, [0], id="by its start and not by a run"
        ),
        pytest.param(a_job("cron(* * * * ? *)", since=-51), 14, 15, [-51, -50], id="frequent, once a quarter"),
        pytest.param(a_job("cron(* * * * ? *)", since=-51), 15, 29, [], id="and not in between"),
        pytest.param(a_job("cron(* * * * ? *)", since=-81), 14, 15, [*range(-80, -49)], id="and two quarters back"),
    ],
)
def test_which_minutes_are_missed(account: Account, job: Job, before: int, now: float, due: list[int]) -> None:
    missed = found(account, swept(before), now, job)
    assert sorted((run.scheduled_at - DUE) / MINUTE for run in missed) == due
    assert {run.counted for run in missed} == ({"cron(*" in job.spans[0].expression} if due else set())


def test_a_schedule_is_judged_beside_the_one_before(account: Account) -> None:
    before = a_job("cron(* * * * ? *)", since=-60, until=-50).spans
    job = JOB.model_copy(update={"spans": (*before, *a_job("cron(8 6 * * ? *)", since=-49).spans)})
    missed = found(account, swept(14), 15, job)
    assert sorted((run.scheduled_at - DUE) / MINUTE for run in missed) == [*range(-60, -50), 8]


def test_each_task_of_a_start_is_missed(account: Account) -> None:
    assert found(account, swept(6), 7, a_job(count=3)) == [MISSED.model_copy(update={"lacking": 3})]


def test_a_rate_is_looked_at_by_its_last_run(account: Account) -> None:
    """Half a minute before each quarter, though it counts from a full one."""
    job = a_job("rate(15 minutes)", last_run_at=at(-45.5))
    ran = Run(task="IngestData", scheduled_at=at(-45.5), task_id="a", status=Status.OK, created_at=at(-45.5))
    for now, due in ((6.4, []), (6.6, [-15.5, -0.5])):
        known(swept(6), job, runs=(ran,))
        missed = look(account, now)
        assert sorted((run.scheduled_at - DUE) / MINUTE for run in missed) == due


@pytest.mark.parametrize(
    ("since", "missed"), [(0, []), (1 / 60, [MISSED])], ids=["as it was due", "a second after it was due"]
)
def test_what_was_due_since_a_deployment_changes_schedules_waits(
    account: Account, since: float, missed: list[Run]
) -> None:
    changing(account, since)
    assert found(account, swept(6), 7) == missed
    assert table().swept() == swept(7, changing_since=at(since))


@pytest.mark.parametrize(
    ("live", "holder", "missed", "unclear"),
    [
        pytest.param(-30, False, [MISSED], (), id="it is live"),
        pytest.param(
            -31,
            False,
            [UNKNOWN.model_copy(update={"reason": reasons.reason_of_absence(away=False)})],
            (UnclearTime(since=at(-30), until=at(21)),),
            id="it was restored",
        ),
        pytest.param(-31, True, [], (), id="it runs"),
    ],
)
def test_what_was_due_while_a_deployment_changed_schedules(
    account: Account, live: int, holder: bool, missed: list[Run], unclear: tuple[UnclearTime, ...]
) -> None:
    account.live["live_since"] = at(live).isoformat()
    if holder:
        changing(account, -30)
    before = swept(20, live_since=at(live), changing_since=at(-30))
    assert found(account, before, 21) == missed
    after = before.model_copy(update={"at": at(21), "asked_at": at(21), "unclear": unclear})
    assert table().swept() == after.model_copy(update={"changing_since": at(-30) if holder else None})


def test_what_was_due_while_a_migration_ran_is_skipped(account: Account) -> None:
    ran = Migration(execution="arn", since=at(1), until=at(5))
    (skipped,) = found(account, swept(6, migrations=(ran,)), 7)
    assert skipped == MISSED.model_copy(update={"status": Status.SKIPPED, "reason": reasons.reason_of_migration()})
    assert "DescribeRule" not in account.calls


# ---------------------------------------------------------------------- why


def test_a_schedule_that_is_off_or_gone_is_why(account: Account) -> None:
    account.rule["State"] = "DISABLED"
    off = reasons.reason_of_schedule(exists=True)
    assert found(account, swept(6), 7) == [MISSED.model_copy(update={"reason": off})]


def test_a_schedule_that_is_gone_is_why(account: Account) -> None:
    account.rule = {}
    gone = reasons.reason_of_schedule(exists=False)
    assert found(account, swept(6), 7) == [MISSED.model_copy(update={"reason": gone})]


@pytest.mark.parametrize(("age", "missed", "known_age"), [(60, [MISSED], 60), (61, [], 61)])
def test_a_target_that_is_tried_for_longer_is_waited_for(
    account: Account, age: int, missed: list[Run], known_age: int
) -> None:
    account.age = age
    assert found(account, swept(6), 7) == missed
    assert table().jobs()["IngestData"].retry_age == known_age


def refused(by: str = f"events-rule/{PREFIX}IngestData"[:36]) -> dict[str, Any]:
    return {"errorCode": "AccessDenied", "requestParameters": {"startedBy": by}}


@pytest.mark.parametrize(
    ("job", "tried", "why"),
    [
        pytest.param(JOB, 0, Why.ROLE, id="as it was due"),
        pytest.param(JOB, -1 / 60, Why.NO_TRACE, id="a second before"),
        pytest.param(JOB, 2, Why.ROLE, id="at the end of its retry age"),
        pytest.param(JOB, 2 + 1 / 60, Why.NO_TRACE, id="a second after that"),
        pytest.param(a_job("rate(15 minutes)", start=0), -1, Why.ROLE, id="a rate, in the minute before"),
        pytest.param(a_job("rate(15 minutes)", start=0), -1 - 1 / 60, Why.NO_TRACE, id="a rate, before that"),
    ],
)
def test_a_start_that_ecs_refused_is_why(account: Account, job: Job, tried: float, why: Why) -> None:
    account.trail = [(at(tried), refused())]
    (run,) = found(account, swept(6), 7, job, EXPLAINS)
    assert run.reason is not None
    assert run.reason.why == why
    assert account.requests("LookupEvents") == [
        {
            "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "RunTask"}],
            "StartTime": at(-1),
            "EndTime": at(7),
        }
    ]


def test_what_is_not_known_has_no_refusal_for_its_reason(account: Account) -> None:
    account.trail = [(at(15), refused()), (at(0), refused())]
    before = swept(6, unclear=(UnclearTime(since=at(-1), until=at(1)),))
    runs = found(account, before, 22, a_job("rate(15 minutes)", start=0), EXPLAINS)
    whys = [((run.scheduled_at - DUE) / MINUTE, run.status, run.reason and run.reason.why) for run in runs]
    assert sorted(whys) == [(0, Status.UNKNOWN, Why.AWAY), (15, Status.MISSED, Why.ROLE)]


def test_of_frequent_runs_a_refusal_within_the_hour_is_why(account: Account) -> None:
    account.trail = [(at(9), refused())]
    job = a_job("cron(* * * * ? *)", since=-51)
    whys = {run.scheduled_at: run.reason and run.reason.why for run in found(account, swept(14), 15, job, EXPLAINS)}
    assert whys == {at(-51): Why.ROLE, at(-50): Why.ROLE}


@pytest.mark.parametrize(("state", "settings"), [("ENABLED", SETTINGS), ("DISABLED", EXPLAINS)], ids=["off", "known"])
def test_cloudtrail_is_asked_only_where_it_explains(account: Account, state: str, settings: Settings) -> None:
    account.rule["State"], account.trail = state, [(at(0), refused())]
    (run,) = found(account, swept(6), 7, JOB, settings)
    assert run.reason is not None
    assert run.reason.why == (Why.NO_TRACE if state == "ENABLED" else Why.DISABLED)
    assert "LookupEvents" not in account.calls


# ---------------------------------------------------------------------- after an absence


def test_after_an_absence_it_waits_for_what_comes_late(account: Account) -> None:
    before = swept(-43 - 1 / 60)
    assert found(account, before, 7) == []
    assert table().swept() == before.model_copy(update={"asked_at": at(7), "back_at": at(7)})


def test_an_absence_counts_from_when_ecs_was_asked(account: Account) -> None:
    assert found(account, swept(-300, asked_at=at(-43)), 7) == [MISSED]
    assert found(account, swept(-43 - 1 / 60, asked_at=None), 7) == []
    again = table().swept()
    assert again is not None
    assert again.back_at == at(7)


@pytest.mark.parametrize(
    ("back", "now", "ended"),
    [
        pytest.param(60, 75 - 1 / 60, None, id="a second before it has caught up"),
        pytest.param(60, 75, [UNKNOWN], id="ECS has forgotten it"),
        pytest.param(50, 65, [MISSED], id="ECS remembers it"),
    ],
)
def test_what_was_due_while_rota_was_away(account: Account, back: int, now: float, ended: list[Run] | None) -> None:
    before = swept(-600, asked_at=at(now - 1), back_at=at(back))
    assert found(account, before, now) == (ended or [])
    away = UnclearTime(since=at(-600) - 3 * DAY, until=at(back - 50), away=True)
    after = swept(now, unclear=(away,)) if ended is not None else before.model_copy(update={"asked_at": at(now)})
    assert table().swept() == after


def test_an_unclear_time_is_kept_for_three_days(account: Account) -> None:
    known_ = [UnclearTime(since=SINCE, until=at(9) - 3 * DAY + each * SECOND) for each in (0, 1)]
    found(account, swept(8, unclear=tuple(known_)), 9)
    assert table().swept() == swept(9, unclear=(known_[1],))


def test_only_the_last_day_is_looked_at(account: Account) -> None:
    known(swept(-9 * 1440), JOB)
    look(account, 8)
    after = table().swept()
    assert after is not None
    assert (after.at, after.back_at) == (at(8) - DAY, at(8))


def open_run(name: str, minutes: float, **more: Any) -> Run:
    run = Run(
        task="IngestData",
        scheduled_at=at(minutes),
        task_id=name,
        task_arn=f"task/{name}",
        status=Status.RUNNING,
        created_at=at(minutes),
        trigger="by_hand",
    )
    return run.model_copy(update=more)


def test_what_ran_when_rota_went_is_lost_unless_ecs_knows_it(account: Account) -> None:
    account.tasks = [detail("RUNNING", created=at(-700), taskArn="task/runs", startedBy="kim")]
    before = swept(-600, asked_at=at(74), back_at=at(60))
    long_ago = open_run("oldest", -600 - 14 * 1440)
    older = open_run("older", -601 - 14 * 1440)
    ended = open_run("ended", -650, status=Status.OK)
    kept = (older, ended, open_run("runs", -700), open_run("young", 12))
    lost = (long_ago, open_run("gone", -650), open_run("last", 10))
    known(before, JOB, runs=(*kept, *lost))
    assert look(account, 75) == [UNKNOWN]
    assert {run: table().run(run.key) for run in kept} == {run: run for run in kept}
    away = {"status": Status.UNKNOWN, "reason": reasons.reason_of_absence(away=True)}
    assert [table().run(run.key) for run in lost] == [run.model_copy(update=away) for run in lost]


def started(name: str, job: str = "IngestData") -> dict[str, Any]:
    """What CloudTrail has of a task that was started."""
    answer = {"taskArn": f"arn:aws:ecs:us-east-1:123456789012:task/production/{name}", "taskDefinitionArn": arn(7)}
    environment = [{"name": "ROTA_TASK", "value": job}]
    request = {
        "startedBy": f"events-rule/{PREFIX}{job}"[:36],
        "overrides": {"containerOverrides": [{"name": "app", "environment": environment}]},
    }
    return {"requestParameters": request, "responseElements": {"tasks": [answer], "failures": []}}


@pytest.mark.parametrize("explains", [True, False])
def test_what_was_started_meanwhile_is_noted_by_cloudtrail(account: Account, explains: bool) -> None:
    runs = detail("RUNNING", created=at(1), startedBy="kim")
    account.tasks = [runs]
    ends = [started("new"), started(runs["taskArn"].rpartition("/")[2]), started("x", "Other")]
    account.trail = [(at(0.5), each) for each in ends]
    before = swept(-600, asked_at=at(74), back_at=at(60))
    ended = found(account, before, 75, JOB, EXPLAINS if explains else SETTINGS)
    assert [(run.task_id, run.status) for run in ended] == [("new" if explains else "missed", Status.UNKNOWN)]
    asked = [(each["StartTime"], each["EndTime"]) for each in account.requests("LookupEvents")]
    assert asked == ([(at(-600) - 90 * SECOND, at(75))] if explains else [])


def test_what_cloudtrail_covers_is_missed_and_not_unknown(account: Account) -> None:
    account.trail = [(at(9), started("x", "Other")), (at(0), refused())]
    before = swept(-600, asked_at=at(74), back_at=at(60))
    (run,) = found(account, before, 75, JOB, EXPLAINS)
    assert run.reason is not None
    assert (run.status, run.reason.why) == (Status.MISSED, Why.ROLE)
    assert account.calls["LookupEvents"] == 1
    restored = UnclearTime(since=at(-1), until=at(1))
    known(
        swept(-600, asked_at=at(74), back_at=at(50), unclear=(restored,)), JOB.model_copy(update={"task": "SendMail"})
    )
    assert [run.status for run in look(account, 75, EXPLAINS) if run.task == "SendMail"] == [Status.UNKNOWN]


# ---------------------------------------------------------------------- what ECS knows


def a_task(name: str, status: str = "STOPPED", *, seconds: float, **more: Any) -> dict[str, Any]:
    """A task that ended, or was created, so many seconds before seven o'clock."""
    when = at(60) - seconds * SECOND
    arn_ = detail()["taskArn"].replace(TASK_ID, name)
    if status == "STOPPED":
        ended: dict[str, Any] = {"created": when - HOUR, "stoppedAt": when.isoformat()}
        return detail(status, taskArn=arn_, **ended, **more)
    return detail(status, taskArn=arn_, created=when, **more)


def test_what_no_event_reported_is_recorded(account: Account) -> None:
    account.tasks = [
        a_task("young", seconds=90),
        a_task("ended", seconds=91, exit_code=3),
        a_task("begins", "RUNNING", seconds=90),
        a_task("runs", "RUNNING", seconds=91),
        a_task("served", seconds=900, group="service:guestbook-api", task=None),
    ]
    known(swept(59), JOB)
    assert [(run.task_id, run.status) for run in look(account, 60)] == [("ended", Status.FAILED)]
    recorded = table().runs("IngestData", at(-2000), at(60))
    assert sorted(run.task_id for run in recorded) == ["ended", "runs"]


def test_what_is_recorded_is_not_asked_for_again(account: Account) -> None:
    ended, runs = a_task("ended", seconds=91), a_task("runs", "RUNNING", seconds=91)
    served = a_task("served", seconds=900, group="service:guestbook-api", task=None)
    account.tasks = [ended, runs, served]
    known(swept(59), JOB)
    look(account, 60)
    assert look(account, 61) == []
    assert [each["tasks"] for each in account.requests("DescribeTasks")] == [[runs["taskArn"]]]
    reads = ["job#IngestData", "sweep", "releases", "lease"]
    assert {each["Key"]["record"]["S"] for each in account.requests("GetItem")} <= {*reads}
    account.tasks = [served]
    look(account, 62)
    account.tasks = [ended, served]
    look(account, 63)
    assert [each["tasks"] for each in account.requests("DescribeTasks")] == [[ended["taskArn"]]]


def test_without_anything_new_each_thing_is_asked_for_once(account: Account) -> None:
    assert found(account, swept(59), 60) == []
    assert account.calls == {"GetItem": 4, "Query": 1, "ListTasks": 2, "PutItem": 1}


# ---------------------------------------------------------------------- what is done, and what fails


@pytest.mark.parametrize(
    "live",
    [None, {"live_since": None}, {"live_watched": False}],
    ids=["nothing", "of an older version", "without traced targets"],
)
def test_what_is_not_watched_is_not_looked_at(account: Account, live: dict[str, Any] | None) -> None:
    account.live = {} if live is None else {k: v for k, v in (account.live | live).items() if v is not None}
    assert found(account, swept(5), 7) == []
    assert table().swept() == Swept(at=at(7))
    assert "ListTasks" not in account.calls


def test_a_part_that_fails_keeps_no_other(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    """ECS cannot be asked: what is to be reported is reported, and the next sweep looks from the same time on."""
    account.refuses = "ListTasks"
    ill = JOB.model_copy(update={"incident": incident(failed(due=DUE))})
    known(swept(5), ill)
    with pytest.raises(Exception, match="ListTasks"):
        look(account, 7)
    assert [event["kind"] for event in account.said] == ["failed"]
    assert table().swept() == swept(5)
    assert logged(caplog) == [("ERROR", "a part of the sweep failed", {})]
    account.refuses = ""
    assert look(account, 8) == [MISSED]


def test_a_look_that_fails_is_made_again(account: Account) -> None:
    account.refuses = "ListTargetsByRule"
    known(swept(5), JOB)
    with pytest.raises(Exception, match="ListTargetsByRule"):
        look(account, 7)
    assert table().swept() == swept(5)


def test_a_message_that_cannot_be_sent_keeps_no_look_from_counting(account: Account) -> None:
    account.refuses = "PutEvents"
    known(swept(5), JOB)
    with pytest.raises(RejectedError, match="PutEvents was denied: no"):
        look(account, 7)
    assert (table().run(MISSED.key), table().swept()) == (MISSED, swept(7))


OWES = JOB.model_copy(
    update={"catch_up": "both", "owed": Owed(scheduled_at=DUE, tasks=1, given_up=True), "retry_age": 60}
)


@pytest.mark.parametrize(
    ("job", "settings", "before", "starts"),
    [
        pytest.param(OWES, ACTS, {}, True, id="it owes"),
        pytest.param(JOB, ACTS, {}, False, id="it owes nothing"),
        pytest.param(OWES, SETTINGS, {}, False, id="Rota starts nothing"),
        pytest.param(OWES, ACTS, {"back_at": at(1)}, False, id="Rota was away"),
        pytest.param(OWES, ACTS, {"asked_at": at(-60)}, False, id="Rota comes back"),
    ],
)
def test_when_what_is_owed_is_started(
    account: Account, job: Job, settings: Settings, before: dict[str, Any], starts: bool
) -> None:
    known(swept(1, **before), job, runs=(MISSED,))
    look(account, 2, settings)
    assert account.calls["RunTask"] == starts


def test_what_is_found_to_be_missed_is_started_in_the_same_sweep(account: Account) -> None:
    job = JOB.model_copy(update={"catch_up": "missed"})
    assert found(account, swept(6), 7, job, ACTS) == [MISSED]
    assert account.calls["RunTask"] == 1
    (event,) = account.said
    assert event["kind"] == "missed"
