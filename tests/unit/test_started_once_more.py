"""`catch_up` in one sweep: what is asked of ECS, what is noted of the job, and in which words."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from rota.aws import clients
from rota.runs.catching_up import catch_up, token
from rota.runs.event import task_change
from rota.runs.incidents import after_run
from rota.runs.model import Actor, Job, Owed, Reason, Run, Span, Status, Trigger, Why
from rota.runs.table import RunTable
from rota.schedules.eventbridge_rules.desired import desired_rule
from tests.guestbook import APP, CLUSTER_ARN, SETTINGS, arn, task
from tests.log_lines import logged
from tests.run_events import DUE, detail
from tests.run_tables import HttpResponse, table_with

ACTING = SETTINGS.model_copy(update={"run_actions": "both"})
MINUTE = timedelta(minutes=1)
CRON = "0 6 ? * SUN *"
OWES = Owed(scheduled_at=DUE, tasks=2, given_up=True)
JOB = Job(
    task="IngestData",
    spans=(Span(expression=f"cron({CRON})", since=DUE - timedelta(days=9)),),
    count=2,
    retry_age=60,
    grace=300,
    catch_up="both",
)
NO_REASON = Reason(why=Why.NO_TRACE, words="no trace", todo="look", reader=Actor.OPERATOR)
GONE = "its schedule is disabled or gone, or does not name the job"
OF_SIX = {"task": "IngestData", "scheduled_at": DUE}


class Account:
    """ECS and EventBridge, which answer so; `started` is what ECS was asked to start."""

    def __init__(self) -> None:
        rule = desired_rule(task(cron=CRON, count=2), ACTING, CLUSTER_ARN, arn(7))
        self.rule: dict[str, Any] = {
            "Name": rule.name,
            "Arn": f"arn:aws:events:us-east-1:123456789012:rule/{rule.name}",
            "ScheduleExpression": f"cron({CRON})",
            "State": "ENABLED",
        }
        self.targets: list[Any] = list(rule.targets)
        self.answer: tuple[int, dict[str, Any]] = 200, {"tasks": [{}, {}], "failures": []}
        self.started: list[dict[str, Any]] = []
        self.calls: list[str] = []

    def __call__(self, model: Any, context: dict[str, Any], **_: object) -> Any:
        self.calls.append(model.name)
        status, answer = (
            200,
            {
                "DescribeRule": self.rule,
                "ListTagsForResource": {"Tags": [{"Key": "rota:app", "Value": APP}]},
                "ListTargetsByRule": {"Targets": self.targets},
            }.get(model.name, {}),
        )
        if model.name == "RunTask":
            self.started.append(context["asked"])
            status, answer = self.answer
        if model.name == "GetSchedule" or (model.name == "DescribeRule" and not self.rule):
            status, answer = 400, {"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}
        return HttpResponse(status), {**answer, "ResponseMetadata": {"HTTPStatusCode": status}}


@pytest.fixture
def account(new_clients: None) -> Account:
    found = Account()
    for made in (clients.events, clients.ecs, clients.scheduler):
        events = made().meta.events
        events.register("before-parameter-build", lambda params, context, **_: context.update(asked=dict(params)))
        events.register("before-call", found)
    return found


def owing(job: Job = JOB, **changes: Any) -> RunTable:
    """The table with a job that owes what `changes` say, and of which people know that it was missed."""
    missed = Run(task="IngestData", scheduled_at=DUE, task_id="missed", status=Status.MISSED, reason=NO_REASON)
    table, whole = table_with(job), after_run(job, missed)
    assert whole.incident is not None
    known = whole.incident.model_copy(update={"reported_at": DUE})
    update = {"owed": OWES.model_copy(update=changes), "incident": known}
    table.update_state(whole.model_copy(update=update), job)
    return table


def a_run(name: str, trigger: Trigger) -> Run:
    return Run(task="IngestData", scheduled_at=DUE, task_id=name, status=Status.RUNNING, trigger=trigger)


def after(table: RunTable, minutes: int = 2) -> Job:
    """The job after a sweep."""
    catch_up(table, ACTING, table.jobs().values(), [], DUE + minutes * MINUTE)
    return table.jobs()["IngestData"]


def test_what_is_owed_is_started_once(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    table = owing()
    for _ in range(2):
        job = after(table)
        assert job.owed == OWES.model_copy(update={"answer": "started", "claimed_at": DUE + 2 * MINUTE})
        assert job.notices == ()
    (request,) = account.started
    assert request["count"] == 2
    assert request["taskDefinition"] == arn(7)
    assert request["startedBy"] == "rota/catch-up/20260301T060000Z"
    assert request["clientToken"] == token(APP, "IngestData", DUE)
    assert logged(caplog) == [("INFO", "caught up", OF_SIX | {"answer": "started"})]


def test_only_what_is_lacking_is_started(account: Account) -> None:
    account.answer = 200, {"tasks": [{}], "failures": []}
    table = owing()
    known = a_run("a", Trigger.SCHEDULE)
    table.put(known, None)
    job = after(table)
    assert job.owed == OWES.model_copy(update={"answer": "started", "tasks": 1, "claimed_at": DUE + 2 * MINUTE})
    assert [request["count"] for request in account.started] == [1]


def test_what_ecs_shows_has_run(account: Account) -> None:
    table = owing()
    found = [task_change(detail("RUNNING", scheduled_at=DUE, taskArn=f"task/{name}")) for name in "ab"]
    catch_up(table, ACTING, table.jobs().values(), found, DUE + 2 * MINUTE)
    owed = table.jobs()["IngestData"].owed
    assert owed == OWES.model_copy(update={"answer": "it has run meanwhile"})
    assert account.started == []


def test_an_answer_is_noted_of_the_minute_that_it_is_of(account: Account) -> None:
    account.rule = {}
    for changes in ({"scheduled_at": DUE + MINUTE}, {"answer": "it was noted"}):
        table = owing()
        seen = table.jobs()["IngestData"]
        newer = OWES.model_copy(update=changes)
        table.update_state(seen.model_copy(update={"owed": newer}), seen)
        catch_up(table, ACTING, [seen], [], DUE + 2 * MINUTE)
        assert table.jobs()["IngestData"].owed == newer


TWO_FAILURES = [{"reason": "RESOURCE:ENI"}, {"reason": "RESOURCE:ENI"}]


@pytest.mark.parametrize(
    ("answer", "noted"),
    [
        ((200, {"tasks": [], "failures": TWO_FAILURES}), "ECS started nothing: RESOURCE:ENI"),
        ((200, {"tasks": [{}], "failures": [{"reason": "a"}]}), "ECS started 1 of 2 tasks: a"),
        ((200, {"tasks": [], "failures": [{"reason": "a"}, {"reason": "b"}]}), "ECS started nothing: a; b"),
        (
            (400, {"Error": {"Code": "AccessDeniedException", "Message": "not yours"}}),
            "RunTask was denied: not yours",
        ),
        ((400, {"Error": {"Code": "ConflictException", "Message": "the token was used"}}), "started"),
    ],
    ids=["nothing", "one of two", "two reasons", "denied", "by a call whose answer was lost"],
)
def test_what_ecs_answers_is_noted(
    account: Account, answer: tuple[int, dict[str, Any]], noted: str, caplog: pytest.LogCaptureFixture
) -> None:
    account.answer = answer
    job = after(owing())
    assert job.owed is not None
    assert job.owed.answer.startswith(noted)
    said = [(each.kind, each.run.reason and each.run.reason.words) for each in job.notices]
    promised = [("not_caught_up", f"catch_up did not start it once more: {job.owed.answer}")]
    assert said == ([] if noted == "started" else promised)
    line = ("WARNING", "not caught up", OF_SIX | {"answer": job.owed.answer})
    answered = ("INFO", "caught up", OF_SIX | {"answer": job.owed.answer})
    assert logged(caplog) == ([answered] if noted == "started" else [answered, line])


def test_what_ecs_has_no_answer_to_is_asked_again(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    table = owing()
    account.answer = 400, {"Error": {"Code": "ThrottlingException", "Message": "slow down"}}
    job = after(table)
    assert job.owed == OWES.model_copy(update={"claimed_at": DUE + 2 * MINUTE})
    left = "what is owed was not started; the next sweep looks once more"
    assert logged(caplog) == [("ERROR", left, {"task": "IngestData"})]
    account.answer = 200, {"tasks": [{}, {}], "failures": []}
    job = after(table, 3)
    assert job.owed == OWES.model_copy(update={"answer": "started", "claimed_at": DUE + 2 * MINUTE})
    assert len({request["clientToken"] for request in account.started}) == 1


@pytest.mark.parametrize("changed", ["disabled", "gone", "another job's"])
def test_a_schedule_that_is_not_its_own_starts_nothing(account: Account, changed: str) -> None:
    if changed == "disabled":
        account.rule["State"] = "DISABLED"
    elif changed == "gone":
        account.rule = {}
    else:
        account.targets = list(desired_rule(task(name="Other", cron=CRON), ACTING, CLUSTER_ARN, arn(7)).targets)
    job = after(owing())
    assert job.owed is not None
    assert (job.owed.answer, account.started) == (GONE, [])


@pytest.mark.parametrize("expression", ["cron(0 7 * * ? *)", None])
def test_while_a_deployment_changes_the_schedule_nothing_is_known(account: Account, expression: str | None) -> None:
    account.rule["ScheduleExpression"] = expression
    assert after(owing()).owed == OWES
    assert account.started == []


@pytest.mark.parametrize(("trigger", "noted"), [("catch_up", "started"), ("schedule", "it has run meanwhile")])
def test_what_runs_meanwhile_is_noted(account: Account, trigger: str, noted: str) -> None:
    table = owing()
    for name in ("a", "b"):
        ran = Run(task="IngestData", scheduled_at=DUE, task_id=name, status=Status.RUNNING, trigger=Trigger(trigger))
        table.put(ran, None)
    job = after(table)
    assert job.owed is not None
    assert (job.owed.answer, job.notices, account.started) == (noted, (), [])


def test_a_person_is_told_no_only_of_what_was_promised(account: Account) -> None:
    account.rule = {}
    table = owing()
    before = table.jobs()["IngestData"]
    assert before.incident is not None
    silent = before.model_copy(update={"incident": before.incident.model_copy(update={"reported_at": None})})
    table.update_state(silent, before)
    assert after(table).notices == ()
    table = owing()
    before = table.jobs()["IngestData"]
    assert before.incident is not None
    later = before.incident.last.model_copy(update={"scheduled_at": DUE + timedelta(days=7)})
    moved = before.model_copy(update={"incident": before.incident.model_copy(update={"last": later})})
    table.update_state(moved, before)
    assert after(table).notices == ()
    table = owing()
    before = table.jobs()["IngestData"]
    table.update_state(before.model_copy(update={"incident": None}), before)
    job = after(table)
    assert job.owed is not None
    assert (job.notices, job.owed.answer) == ((), GONE), "it tolerates one bad run"


RAN = "it has run meanwhile"
WEEKLY = "rate(7 days)"


@pytest.mark.parametrize("shown_by", ["the table", "ECS"])
@pytest.mark.parametrize(
    ("expression", "seconds", "answer"),
    [
        pytest.param(f"cron({CRON})", 0, RAN, id="of its minute"),
        pytest.param(f"cron({CRON})", -1, "started", id="of a time before"),
        pytest.param(WEEKLY, -60, RAN, id="of a rate, in the minute before"),
        pytest.param(WEEKLY, -61, "started", id="of a rate, before that"),
    ],
)
def test_which_runs_are_those_of_the_minute(
    account: Account, expression: str, seconds: int, answer: str, shown_by: str
) -> None:
    account.rule["ScheduleExpression"] = expression
    table = owing(JOB.model_copy(update={"spans": (Span(expression=expression, since=DUE - timedelta(days=9)),)}))
    at, found = DUE + timedelta(seconds=seconds), []
    for name in "ab":
        if shown_by == "ECS":
            found.append(task_change(detail(scheduled_at=at, created=at, taskArn=f"task/{name}")))
        else:
            table.put(a_run(name, Trigger.SCHEDULE).model_copy(update={"scheduled_at": at}), None)
    catch_up(table, ACTING, table.jobs().values(), found, DUE + 2 * MINUTE)
    owed = table.jobs()["IngestData"].owed
    assert owed is not None
    assert owed.answer == answer


def test_until_the_retry_age_is_over_nothing_is_asked(account: Account) -> None:
    table = owing(given_up=False)
    assert after(table).owed == OWES.model_copy(update={"given_up": False})
    assert account.calls == []


def test_a_target_that_is_tried_for_longer_is_waited_for(account: Account) -> None:
    """It has the schedule's own age, six hours, and the job's is a minute."""
    table = owing(given_up=False)
    assert after(table, 361).owed == OWES.model_copy(update={"given_up": False})
    assert account.started == []
    assert after(table, 362).owed != OWES.model_copy(update={"given_up": False})
    assert len(account.started) == 1


@pytest.mark.parametrize(("overlap", "starts"), [("skip", 0), ("allow", 1)])
def test_a_job_whose_earlier_run_goes_on_waits_if_it_would_be_skipped(
    account: Account, overlap: str, starts: int
) -> None:
    before = DUE - timedelta(days=7)
    for status, expected in (("RUNNING", starts), ("STOPPED", 1)):
        account.started.clear()
        table = owing(JOB.model_copy(update={"overlap": overlap}))
        runs = task_change(detail(status, scheduled_at=before, created=before, taskArn="task/a"))
        catch_up(table, ACTING, table.jobs().values(), [runs], DUE + 2 * MINUTE)
        assert len(account.started) == expected


def test_what_another_sweep_has_taken_on_is_left_to_it(account: Account) -> None:
    table = owing()
    seen = table.jobs()["IngestData"]
    table.update_state(seen.model_copy(update={"bad_runs": 7}), seen)
    catch_up(table, ACTING, [seen], [], DUE + 2 * MINUTE)
    assert account.started == []
    assert table.jobs()["IngestData"].owed == OWES
