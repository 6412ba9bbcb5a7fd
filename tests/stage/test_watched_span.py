"""A span of hours on the stage's clock, minute by minute, with everything that goes wrong with events and starts.

What EventBridge started, or failed to start, is compared with what RecordRun and Sweep made of it.
"""

import importlib.util
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.aws import clients
from rota.deployment.items import stored
from rota.runs import live_jobs
from rota.runs import sweep as sweeping
from rota.runs.model import MISSED, Run, Status, Why
from rota.runs.table import RunTable
from rota.schedule_file.retry_age import retry_age
from rota.settings import Settings
from stage import clock
from stage.client import ROOT
from stage.gateway.in_process import Connection
from tests.guestbook import ENVIRONMENT, REGION
from tests.in_process import ENDPOINT, FUNCTION, gateway
from tests.stage.small_stage import SmallStage, aws

MINUTE = timedelta(minutes=1)
BEGINS = datetime(2030, 3, 1, 4, 30, tzinfo=UTC)
# By name: a schedule, and whether its runs have to be counted where they do not say when they were due.
JOBS = {
    "Hourly": "cron(0 * * * ? *)",
    "Half": "cron(10,40 * * * ? *)",
    "Often": "cron(0/5 * * * ? *)",
    "Rate": "rate(10 minutes)",
    "Daily": "cron(0 6 * * ? *)",
    "Never": "cron(0 3 29 2 ? *)",
}
COUNTED = {"Often"}


def handler(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"span_{name}", ROOT / "functions" / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


@dataclass
class Span:
    """The jobs on a small stage, watched."""

    small: SmallStage
    settings: Settings
    queue: str
    traced: bool
    record: Any
    due: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """By job and minute, the tasks that were started for it."""
    late: set[tuple[str, str]] = field(default_factory=set)
    """What was throttled: its tasks are not in `due`."""

    @property
    def table(self) -> RunTable:
        return RunTable(clients.dynamodb(), self.settings.table, self.settings.app)

    def schedule(self) -> None:
        revision = self.small.register("hello")
        for task, expression in JOBS.items():
            environment = [{"name": "ROTA_TASK", "value": task}]
            overrides = {"containerOverrides": [{"name": "app", "environment": environment}]}
            given: dict[str, Any] = {"Input": json.dumps(overrides)}
            if self.traced:
                environment.append({"name": "ROTA_SCHEDULED_AT", "value": "<time>"})
                template = json.dumps(overrides).replace('"<time>"', "<time>")
                given = {"InputTransformer": {"InputPathsMap": {"time": "$.time"}, "InputTemplate": template}}
            age = int(retry_age(expression).total_seconds())
            target = self.small.task_target(
                revision,
                **given,
                RetryPolicy={"MaximumEventAgeInSeconds": age},
                DeadLetterConfig={"Arn": self.queue},
            )
            self.small.rule(task, target, app=self.settings.app, ScheduleExpression=expression)

    def go_live(self) -> None:
        """What FinishDeployment leaves."""
        tasks = [{"name": task, "task": "t", "schedule": expression} for task, expression in JOBS.items()]
        s3 = aws("s3")
        file = s3.put_object(Bucket=self.settings.bucket, Key="file.json", Body=json.dumps({"tasks": tasks}))
        live = {
            "app": self.settings.app,
            "record": "releases",
            "number": 1,
            "live_digest": "sha256:" + "1" * 64,
            "live_schedule_key": "file.json",
            "live_schedule_version": file["VersionId"],
            "live_since": clock.now().isoformat(),
            "live_watched": True,
        }
        item = {name: stored(value) for name, value in live.items()}
        aws("dynamodb").put_item(TableName=self.settings.table, Item=item)

    def minute(self, run_task: str = "ok") -> None:
        """Let a minute pass, in which ECS answers so; RecordRun reads the queue, Sweep looks."""
        self.small.settings.change({"run_task": run_task})
        for each in self.small.background.fire_due(clock.now() + MINUTE):
            job = each["rule"].removeprefix(self.settings.rule_prefix)
            tasks = [each["task_arn"]] if "task_arn" in each else []
            if run_task == "throttled":
                self.late.add((job, each["at"]))
            self.due[job, each["at"]] += tasks
        self.read_the_queue()
        sweeping.sweep(self.settings, clock.now(), lambda _run: None)

    def read_the_queue(self) -> None:
        messages = self.small.messages(self.queue)
        records = [
            {
                "messageId": each["MessageId"],
                "body": each["Body"],
                "attributes": {"SentTimestamp": str(int(clock.time() * 1000))},
                "messageAttributes": {
                    name: {"stringValue": value["StringValue"], "dataType": "String"}
                    for name, value in each.get("MessageAttributes", {}).items()
                },
            }
            for each in messages
        ]
        for start in range(0, len(records), 10):
            answer = self.record({"Records": records[start : start + 10]}, None)
            assert answer == {"batchItemFailures": []}

    def runs(self, task: str) -> list[Run]:
        return self.table.runs(task, BEGINS - timedelta(days=1), BEGINS + timedelta(days=2))


@pytest.fixture
def environment(small: SmallStage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The functions' environment for the small stage's names, and clients that call it."""
    table, bucket = f"{small.name}-table", f"{small.name}-bucket"
    topic = aws("sns").create_topic(Name=f"{small.name}-topic")["TopicArn"]
    own = {"CLUSTER": small.name, "SERVICE": "api", "FAMILY": small.name, "RULE_PREFIX": f"{small.name}-"}
    own |= {"TABLE": table, "BUCKET": bucket, "NOTIFICATIONS_TOPIC_ARN": topic, "POWERTOOLS_SERVICE_NAME": "rota"}
    own |= {"EXPLAIN_MISSED": "true"}
    own |= {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": ENDPOINT, "POWERTOOLS_METRICS_NAMESPACE": "Rota"}
    own |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in (ENVIRONMENT | own).items():
        monkeypatch.setenv(name, value)
    aws("s3").create_bucket(Bucket=bucket)
    aws("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = {"app": "HASH", "record": "RANGE"}
    aws("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    for cached in vars(clients).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
    Connection(gateway(), FUNCTION).attach(clients._session().get_component("event_emitter"))
    sweeping._settled.clear()
    monkeypatch.setattr(live_jobs, "_base", lambda *_: "")
    yield Settings.from_environment(ENVIRONMENT | own)
    for cached in vars(clients).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


@pytest.fixture(params=[False, True], ids=["by their minute", "traced"])
def span(small: SmallStage, environment: Settings, request: pytest.FixtureRequest) -> Span:
    clock.move((BEGINS - clock.now()).total_seconds())
    queue = small.queue("runs")
    pattern = {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [small.cluster], "lastStatus": ["PROVISIONING", "STOPPED"]},
    }
    small.rule("events", {"Arn": queue}, EventPattern=json.dumps(pattern))
    small.settings.change({"tasks": "scripted", "start_seconds": 25})
    made = Span(small, environment, queue, request.param, handler("record_run"))
    made.schedule()
    made.go_live()
    sweeping.sweep(environment, clock.now(), lambda _run: None)
    return made


MINUTES = 240
# In the minutes that end so long after the beginning: what ECS answers to each start.
OUTAGES = {
    "capacity": (*range(29, 33), *range(61, 71)),  # no task and no word of it: 05:00, and 05:31 to 05:40
    "refused": (90,),  # a dead letter at once: 06:00
    "throttled": (130, 131),  # tried again, and started a little later: 06:40
}


@pytest.mark.exhaustive
def test_every_run_is_recorded_once_and_every_miss_is_seen(span: Span) -> None:
    seed = 1 + span.traced
    events = {"repeat": 0.2, "swap": 0.2, "lose": 0.2, "seed": seed}
    script = {"fails": 0.2, "exit_code": 3, "out_of_memory": 0.05, "seconds": 100, "spread": 0.5, "seed": seed}
    span.small.settings.change({"events": events, "script": script, "schedules": {"late_seconds": 20}})
    # The stage's clock goes on while the test works, so it says which minute comes next.
    while (minute := (clock.now() + MINUTE - BEGINS) // MINUTE) <= MINUTES:
        span.minute(next((fault for fault, minutes in OUTAGES.items() if minute in minutes), "ok"))
    assert {job for job, _ in span.late} >= {"Half", "Often"}
    compare(span, clock.now())


@pytest.mark.exhaustive(first=0)
def test_a_time_without_rota_is_filled_from_cloudtrail(span: Span) -> None:
    """No function runs and no event is kept; ECS remembers an hour of it."""
    for _ in range(5):
        span.minute()
    gone = clock.now()
    for minutes, answer in ((60, "ok"), (15, "capacity"), (105, "ok")):
        span.small.settings.change({"run_task": answer})
        for each in span.small.background.fire_due(clock.now() + minutes * MINUTE):
            job = each["rule"].removeprefix(span.settings.rule_prefix)
            span.due[job, each["at"]] += [each["task_arn"]] if "task_arn" in each else []
    span.small.messages(span.queue)
    back = clock.now()
    for _ in range(17):
        span.minute()

    for task in JOBS:
        gap = {at: arns for (job, at), arns in span.due.items() if job == task and at < f"{back:%Y-%m-%dT%H:%M:%SZ}"}
        runs = {run.task_id: run for run in span.runs(task) if run.task_id != MISSED}
        started = {arn.rpartition("/")[2] for arns in gap.values() for arn in arns}
        assert started <= runs.keys()
        assert {runs[each].status for each in started} <= {Status.OK, Status.UNKNOWN}
        if task == "Often":
            continue  # it is missed by the hour
        refused = {at for at, arns in gap.items() if not arns}
        missed = [run for run in span.runs(task) if run.task_id == MISSED]
        assert _minutes({f"{run.scheduled_at:%Y-%m-%dT%H:%M:%SZ}" for run in missed}) == _minutes(refused), task
        why = {(run.status, run.reason and run.reason.why) for run in missed}
        assert why <= {(Status.MISSED, Why.CAPACITY)}
    of_it = [run for task in JOBS for run in span.runs(task) if run.scheduled_at > gone]
    unknown = {run.reason.words for run in of_it if run.status == Status.UNKNOWN and run.reason}
    assert unknown
    assert [words for words in unknown if not words.startswith("it was started at ")] == []


def compare(span: Span, ended: datetime) -> None:
    """What was started against what was recorded, for all that must be judged by now."""
    settled = ended - 5 * MINUTE
    for task in JOBS:
        runs, own = span.runs(task), {at: arns for (job, at), arns in span.due.items() if job == task}
        started = {arn.rpartition("/")[2]: datetime.fromisoformat(at) for at, arns in own.items() for arn in arns}
        recorded = Counter(run.task_id for run in runs if run.task_id != MISSED)
        assert set(recorded) >= {each for each, at in started.items() if at < settled}, "each task is a run"
        assert set(recorded) <= set(started) or any(job == task for job, _ in span.late)
        assert set(recorded.values()) <= {1}, "each task is one run"
        open_ = [run for run in runs if not run.status.has_ended and run.created_at and run.created_at < settled]
        assert open_ == [], "each end is known"
        horizon = timedelta(minutes=85 if task in COUNTED and not span.traced else 45)
        judged = {at: arns for at, arns in own.items() if datetime.fromisoformat(at) < ended - horizon}
        lost = {at for at, arns in judged.items() if not arns and (task, at) not in span.late}
        missed = [run for run in runs if run.status == Status.MISSED]
        if task in COUNTED and not span.traced:
            found = sum(run.lacking for run in missed if run.scheduled_at < ended - horizon)
            assert found == len(lost), (task, sorted(lost), [run.scheduled_at for run in missed])
        elif task == "Daily":
            assert [run.reason.why for run in missed if run.reason] == ["refused"]
        else:
            said = {f"{run.scheduled_at:%Y-%m-%dT%H:%M:%SZ}" for run in missed if run.scheduled_at < ended - horizon}
            assert _minutes(said) == _minutes(lost), task
            assert {run.reason.why for run in missed if run.reason} <= {"capacity", "role", "refused"}


def _minutes(times: set[str]) -> set[str]:
    """To ten minutes: a rate's phase is known by its runs, not by its rule."""
    return {time[:15] for time in times}
