"""What the board's page says of an app."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rota.board.model import Rollout, Todo, Tone
from rota.cli.board.front import Clock, axis, how
from rota.cli.board.progress import deploying
from rota.cli.check.model import Finding
from rota.cli.status import tasks
from rota.cli.status.model import Bar, Deploying, Ended, Hold, Pause, Pending, PendingSchedule, Service
from rota.watch.follow import Step
from tests.board.sample import CLOCK, DIGEST, FRAME, LIVE, NOW, deployment, gathered, job, page, run

DAILY_BERLIN = "cron(30 7 * * ? *)"
WELL = (job("SendMail"), [run("SendMail", 6)])
EXIT_1 = run(
    "Ingest", 6, "failed", exit_code=1, task_arn="arn:task/1", reason={"words": "the job ended", "todo": "Fix."}
)
FAILS = (job("Ingest", bad_runs=2, incident={"last": EXIT_1}), [EXIT_1, run("Ingest", 30)])
DEPLOYS = Deploying("arn:x:push-9", "rolling", NOW, 12.0, DIGEST, "9d0cc1f", "push", "", "", "RUNNING", False, False)
RESTORES = replace(DEPLOYS, phase="restoring", status="ABORTED")
PAUSES = replace(DEPLOYS, kind="pause", tag=None, digest=None)
HALF_DONE = Deploying("arn:x:push-9", "restoring", NOW, 12.0, DIGEST, "9d0cc1f", "push", "", "", "FAILED", False, True)
FAILED = Ended("arn:x:push-9", "failed", NOW - timedelta(hours=1), "9d0cc1f", DIGEST, "The rollout did not last.")
AS_BEFORE = "; service and schedules are as before"
ASKS = Pending(DIGEST, "a1b2c3d", "arn:x", None, "4f2a", NOW + timedelta(hours=6), "schedules: 1 new")

HEADLINES: dict[str, tuple[tuple[Any, ...], dict[str, Any], Tone, str]] = {
    "all is well": ((WELL,), {}, "good", "Everything is as it should be"),
    "a job fails": ((WELL, FAILS), {}, "bad", "Ingest fails"),
    "two fail": ((FAILS, (job("B", bad_runs=1), [run("B", 1, "missed")])), {}, "bad", "2 tasks fail"),
    "it deploys": ((WELL,), {"deploying": DEPLOYS}, "busy", "Deploying 9d0cc1f"),
    "it rolls back": ((WELL,), {"deploying": replace(DEPLOYS, kind="rollback")}, "busy", "Rolling back to 9d0cc1f"),
    "it restores": ((WELL,), {"deploying": RESTORES}, "busy", "Restoring what 9d0cc1f changed"),
    "it pauses": ((WELL,), {"deploying": PAUSES}, "busy", "Pausing jobs"),
    "a hold has ended": ((WELL,), {"deploying": replace(DEPLOYS, kind="resume")}, "busy", "Deploying 9d0cc1f"),
    "both": ((FAILS,), {"deploying": DEPLOYS}, "bad", "Deploying 9d0cc1f; Ingest fails"),
    "half done": ((FAILS,), {"deploying": HALF_DONE}, "bad", "A deployment is half done: a person acts now"),
    "it failed": (
        (WELL,),
        {"last_deployment": FAILED},
        "bad",
        "The deployment of 9d0cc1f failed; service and schedules are as before",
    ),
    "it failed, and nothing is live": (
        (),
        {"last_deployment": FAILED, "release": None},
        "bad",
        "The deployment of 9d0cc1f failed",
    ),
    "it was refused": (
        (WELL,),
        {"last_deployment": replace(FAILED, outcome="refused", tag=None, digest=None)},
        "bad",
        f"The deployment failed{AS_BEFORE}",
    ),
    "it is to be restored": (
        (WELL,),
        {"last_deployment": replace(FAILED, outcome="restoring", tag=None)},
        "bad",
        f"The deployment of {DIGEST[:15]} failed{AS_BEFORE}",
    ),
    "it was aborted": (
        (WELL,),
        {"last_deployment": replace(FAILED, outcome="aborted")},
        "bad",
        f"The deployment of 9d0cc1f was aborted{AS_BEFORE}",
    ),
    "it resumes": ((WELL,), {"deploying": replace(PAUSES, kind="resume")}, "busy", "Resuming jobs"),
    "it changes something else": ((WELL,), {"deploying": replace(PAUSES, kind=None)}, "busy", "Changing what is live"),
    "of no tag": ((WELL,), {"deploying": replace(DEPLOYS, tag=None)}, "busy", f"Deploying {DIGEST[:15]}"),
    "it restores what is not known": (
        (WELL,),
        {"deploying": replace(RESTORES, tag=None, digest=None)},
        "busy",
        "Restoring what a deployment changed",
    ),
    "it failed before this run": (((job("A", bad_runs=1), [run("A", 1, "running")]),), {}, "bad", "A fails"),
    "held": ((WELL,), {"hold": Hold("ana", "the sale", NOW, None)}, "warn", "Deployments are held"),
    "held, and it waits": (
        (WELL,),
        {"hold": Hold("ana", "the sale", NOW, None), "pending": replace(ASKS, tag=None)},
        "warn",
        f"{DIGEST[:15]} waits for an approval",
    ),
    "no service": ((WELL,), {"service": None}, "bad", "The service is gone"),
    "nothing yet": ((), {"release": None}, "plain", "Nothing is live yet"),
}


@pytest.mark.parametrize(("tasks", "status", "tone", "words"), HEADLINES.values(), ids=HEADLINES)
def test_the_headline_says_the_gravest(tasks: tuple[Any, ...], status: dict[str, Any], tone: Tone, words: str) -> None:
    shown = page(gathered(*tasks, **status))
    assert (shown.tone, shown.headline) == (tone, words)


BY_HAND = "its rule is disabled"
HALF_NEW = "It failed and could not be restored: schedules or the service may be half new."
OF_PUSH_9 = ["rota explain push-9 --env prod", "rota deploy --again push-9 --env prod"]
LOST = ["The rollout did not last."]
LEFT_ALONE = "The rule has the app's prefix, and is not the app's: deployments leave it alone."
TO_MAIL = "/t/SendMail"
DOES = [("Run it now", "/do/run/SendMail"), ("Pause it", "/do/pause/SendMail")]
RUN_IT = "rota run SendMail --env prod"
LIVE_AGAIN = f"rota deploy --image {DIGEST.removeprefix('sha256:')[:12]} --env prod"
PAUSED = {"paused": {"SendMail": Pause("user/ben", "the bank is closed", NOW, None)}}
OF_NO_IMAGE = replace(FAILED, outcome="aborted", tag=None, digest=None, finished_at=None, cause="")
LAST = {"last": run("SendMail", 6, "failed", exit_code=1, task_arn="arn:task/1", reason={"todo": "Fix."})}
TROUBLES: dict[str, tuple[dict[str, Any], dict[str, Any], list[Any], Todo]] = {
    "half done": (
        {"deploying": HALF_DONE, "last_deployment": FAILED},
        {},
        [],
        Todo("bad", "A deployment is half done", [HALF_NEW], ["rota restore push-9 --env prod"], "/d/push-9"),
    ),
    "no service": (
        {"service": None},
        {},
        [],
        Todo("bad", "The service is gone", ["ECS has no active service of this name."], ["rota check --env prod"]),
    ),
    "a failed deployment": (
        {"last_deployment": FAILED, "deploying": DEPLOYS},
        {},
        [],
        Todo("bad", "The deployment of 9d0cc1f failed 60 min ago", LOST, OF_PUSH_9, "/d/push-9"),
    ),
    "of no tag": (
        {"last_deployment": replace(FAILED, tag=None)},
        {},
        [],
        Todo("bad", f"The deployment of {DIGEST[:15]} failed 60 min ago", LOST, OF_PUSH_9, "/d/push-9"),
    ),
    "an aborted one": (
        {"last_deployment": OF_NO_IMAGE},
        {},
        [],
        Todo("bad", "The deployment was aborted", [], OF_PUSH_9, "/d/push-9"),
    ),
    "a job ended badly": (
        {},
        {},
        [run("SendMail", 1, "running"), run("SendMail", 2, "failed", exit_code=3, task_arn="arn:task/2")],
        Todo(
            "bad", "SendMail ended with exit 3 at 10:00", [], ["rota logs SendMail --env prod", RUN_IT], TO_MAIL, DOES
        ),
    ),
    "it was missed": (
        {},
        {},
        [run("SendMail", 1, "missed")],
        Todo("bad", "SendMail was missed at 11:00", [], [RUN_IT], TO_MAIL, DOES),
    ),
    "it did not start": (
        {},
        {},
        [run("SendMail", 1, "not_started")],
        Todo("bad", "SendMail did not start at 11:00", [], [RUN_IT], TO_MAIL, DOES),
    ),
    "of its incident": (
        {},
        {"incident": LAST},
        [],
        Todo(
            *("bad", "SendMail ended with exit 1 at 06:00", []),
            *(["Fix.", "rota logs SendMail --env prod", RUN_IT], TO_MAIL, DOES),
        ),
    ),
    "it is paused": (PAUSED, {}, [], Todo("bad", "SendMail fails", [], [], TO_MAIL)),
    "by hand": (
        {},
        {"drift": [BY_HAND]},
        [],
        Todo("warn", "SendMail was changed by hand", [f"{BY_HAND}."], [LIVE_AGAIN], TO_MAIL),
    ),
    "by hand, and nothing is live": (
        {"release": None},
        {"drift": [BY_HAND]},
        [],
        Todo("warn", "SendMail was changed by hand", [f"{BY_HAND}."], [], TO_MAIL),
    ),
    "a rule without an owner": (
        {},
        {"foreign": True},
        [],
        Todo("warn", "SendMail is not in the schedule file", [LEFT_ALONE], ["rota import --tag --env prod"], TO_MAIL),
    ),
}


@pytest.mark.parametrize(("status", "of_task", "runs", "todo"), TROUBLES.values(), ids=TROUBLES)
def test_each_trouble_says_why_and_what_to_do(
    status: dict[str, Any], of_task: dict[str, Any], runs: list[Any], todo: Todo
) -> None:
    fails = int("SendMail" in todo.title and todo.tone == "bad")
    incident = {name: of_task[name] for name in ("incident",) if name in of_task}
    found = gathered((job("SendMail", bad_runs=fails, **incident), runs), **status)
    changed = {name: value for name, value in of_task.items() if name != "incident"}
    found.status.tasks[0] = replace(found.status.tasks[0], **changed)
    (trouble,) = page(found, frame=replace(FRAME, options=" --env prod")).troubles
    assert replace(trouble, why=[*trouble.why], does=[*trouble.does]) == replace(todo, does=[*todo.does])


def test_what_comes_next_is_what_is_on() -> None:
    jobs: list[tuple[Any, list[Any]]] = [(job(name), []) for name in ("A", "B", "C", "D", "Off", "Paused")]
    found = gathered(*jobs, paused={"Paused": Pause("user/ben", "", NOW, None)})
    for at, hours in enumerate((4, 3, 2, 1)):
        found.status.tasks[at] = replace(found.status.tasks[at], next=NOW + timedelta(hours=hours))
    found.status.tasks[4] = replace(found.status.tasks[4], enabled=False, next=NOW + timedelta(minutes=5))
    found.status.tasks[5] = replace(found.status.tasks[5], next=NOW + timedelta(minutes=6))
    assert [(name, href) for name, href, _ in page(found).upcoming] == [(name, f"/t/{name}") for name in "DCB"]


def test_a_failing_task_is_first_with_why_and_what_to_do() -> None:
    shown = page(gathered(WELL, FAILS, (job("Audit"), [])), blame={"Ingest": "First failure since v41"})
    assert [task.name for task in shown.tasks] == ["Ingest", "Audit", "SendMail"]
    (trouble,) = shown.troubles
    assert trouble.title == "Ingest ended with exit 1 at 06:00, 2 in a row"
    assert trouble.why == ["The job ended.", "First failure since v41."]
    assert trouble.todo == ["Fix.", "rota logs Ingest", "rota run Ingest"]


def test_what_a_person_ran_is_no_trouble() -> None:
    by_hand = run("SendMail", 1, "failed", exit_code=3, trigger="by_hand")
    shown = page(gathered((job("SendMail"), [by_hand, run("SendMail", 6)])))
    assert (shown.troubles, shown.tone, shown.tasks[0].last) == ([], "good", "exit 3, 40 s, by hand")


def test_a_paused_task_says_until_when_by_whom_and_why() -> None:
    paused = Pause("user/ben", "the bank is closed", NOW, NOW + timedelta(hours=6))
    (task,) = page(gathered(WELL, paused={"SendMail": paused})).tasks
    assert (task.off, task.off_note) == ("paused until 18:00", "ben: “the bank is closed”")


def test_the_next_run_is_shown_in_its_zone_too() -> None:
    known = {
        "task": "Digest",
        "spans": [{"expression": DAILY_BERLIN, "timezone": "Europe/Berlin", "since": "2026-11-01"}],
    }
    found = gathered()
    rule = {"ScheduleExpression": DAILY_BERLIN, "ScheduleExpressionTimezone": "Europe/Berlin", "State": "ENABLED"}
    found.status.tasks.append(tasks.status("Digest", rule, known, [], None, NOW, compared=False))
    (task,) = page(found).tasks
    assert task.next
    assert (task.next.words, task.next_note) == ("tomorrow 06:30", "07:30 Europe/Berlin")


def test_holds_and_bars_say_how_to_end_them() -> None:
    held = Hold("user/ana", "the sale", NOW, NOW + timedelta(hours=6))
    bars = [Bar(DIGEST, "9d0cc1f", "user/ana", "the login fails")]
    hold, bar = page(gathered(WELL, hold=held, pending=Pending(DIGEST, "a1b2c3d", "arn:x"), barred=bars)).gates
    assert (hold.title, hold.todo) == (
        'Deployments are held by user/ana until 18:00: "the sale"',
        ["rota resume --deployments"],
    )
    assert hold.why == ["a1b2c3d waits, and is deployed at the end."]
    assert (bar.title, bar.todo) == ("9d0cc1f is barred: a push deploys nothing", ["rota resume --barred"])


@pytest.mark.parametrize(
    ("opens", "title", "todo"),
    [
        (
            NOW + timedelta(hours=6),
            "The push of a1b2c3d waits for the deployment window",
            ["rota deploy --image a1b2c3d --now"],
        ),
        (None, "The push of a1b2c3d is started within minutes", []),
    ],
    ids=["the window is shut", "it is open"],
)
def test_a_push_that_waits(opens: datetime | None, title: str, todo: list[str]) -> None:
    (gate,) = page(gathered(WELL, pending=Pending(DIGEST, "a1b2c3d", "arn:x", opens))).gates
    assert (gate.title, [*gate.todo]) == (title, todo)


def test_a_push_that_waits_for_an_approval() -> None:
    waits = Pending(DIGEST, "a1b2c3d", "arn:x", None, "4f2a", NOW + timedelta(hours=6), "schedules: 1 new")
    shown = page(gathered(WELL, pending=waits))
    (gate,) = shown.gates
    assert (shown.headline, gate.title) == (
        "a1b2c3d waits for an approval",
        "The push of a1b2c3d waits for an approval until 18:00",
    )
    assert (gate.why, gate.does[0]) == (["schedules: 1 new"], ("Approve", "/do/approve/4f2a"))
    assert gate.todo == ["rota approve 4f2a --reason …", "rota reject 4f2a --reason …"]


def test_a_release_says_who_why_and_how_long_it_was_live() -> None:
    rollback = deployment(3, 2, live=True, kind="rollback", by="user/ana", reason="the login fails")
    failed = deployment(0, 5, release=None, outcome="failed", cause="The rollout did not last.\nMore.")
    newest, between, oldest = page(gathered(WELL), rollback, failed, deployment(2, 26)).releases
    assert (newest.lived, newest.how, newest.reason) == ("live for 2 h", "rollback by ana", "the login fails")
    assert (between.outcome, between.what, between.href) == ("failed", "The rollout did not last.", "/d/push-0")
    assert (oldest.lived, oldest.can_go_back, newest.can_go_back) == ("was live for 24 h", True, False)


@pytest.mark.parametrize(
    ("running", "rollout", "tone", "words"),
    [
        (2, "COMPLETED", "plain", "2 of 2 tasks run"),
        (1, "COMPLETED", "warn", "1 of 2 tasks run"),
        (2, "IN_PROGRESS", "busy", "2 of 2 tasks run; a rollout is under way"),
        (2, "FAILED", "bad", "2 of 2 tasks run; its rollout failed"),
    ],
    ids=["steady", "one lacks", "rolls", "failed"],
)
def test_the_service(running: int, rollout: str, tone: Tone, words: str) -> None:
    shown = page(gathered(WELL, service=Service("shop:7", running, 2, rollout, running)))
    assert (shown.service_tone, shown.service) == (tone, words)


def test_what_was_held_is_shown_as_what_came_of_it() -> None:
    digest = "sha256:1234567890"
    held = deployment(3, 2, release=None, outcome="held", digest=digest)
    assert len(page(gathered(WELL), held, deployment(2, 9)).releases) == 2
    deployed = deployment(3, 1, digest=digest, live=True)
    assert [each.name for each in page(gathered(WELL), deployed, held, deployment(2, 9)).releases] == ["v3", "v2"]


ENDED = {
    "deployed": "The last deployment, of v2 tag-2, succeeded 2 h ago, in 48 s.",
    "held": "The last deployment, of v2 tag-2, ended 2 h ago: held.",
}


@pytest.mark.parametrize("outcome", ENDED)
def test_if_nothing_deploys_it_says_how_the_last_one_ended(outcome: str) -> None:
    assert page(gathered(WELL), deployment(2, 2, outcome=outcome)).idle == f"Nothing deploys. {ENDED[outcome]}"


STEPS_OF = {
    "a push": (DEPLOYS, "FinishDeployment"),
    "the end of a hold, for which a push has waited": (replace(DEPLOYS, kind="resume"), "FinishDeployment"),
    "a push of an image that is not known": (replace(DEPLOYS, digest=None), "FinishDeployment"),
    "a pause": (PAUSES, "ChangePauses"),
    "a resumption": (replace(PAUSES, kind="resume"), "ChangePauses"),
}


@pytest.mark.parametrize(("found", "last"), STEPS_OF.values(), ids=STEPS_OF)
def test_the_steps_are_those_of_what_is_done(found: Deploying, last: str) -> None:
    shown = deploying(found, gathered(WELL).status, {}, [], "TakeTurn", CLOCK)
    assert (shown.steps[0].state, shown.steps[-1].name) == ("now", last)


def test_a_step_that_was_stopped_does_not_run() -> None:
    shown = deploying(RESTORES, gathered(WELL).status, {}, [], "RollService", CLOCK)
    assert [(step.name, step.state) for step in shown.steps[-2:]] == [
        ("RollService", "failed"),
        ("RestoreDeployment", "now"),
    ]


def test_a_next_run_that_is_not_known_exactly_says_so() -> None:
    known = job("Spam", "rate(5 minutes)")
    found = gathered((known, [run("Spam", 0.05)]))
    found.status.tasks[0] = replace(found.status.tasks[0], next=NOW + timedelta(minutes=2), exact=False)
    assert page(found).tasks[0].next_note == "about 12:02"


def test_queues_and_alarms_are_trouble() -> None:
    queue = Finding("queues", "fail", "2 pushes that started nothing: docs/operations.md, A push that starts nothing")
    alarm = Finding("alarms", "fail", "rota-Runs: A job is late")
    shown = page(gathered(WELL), health=[queue, alarm])
    assert (shown.tone, shown.headline) == ("warn", "2 pushes that started nothing")
    assert [each.title for each in shown.troubles] == [shown.headline, "The alarm rota-Runs rings"]
    assert [(each.why, each.todo) for each in shown.troubles] == [
        (["docs/operations.md, A push that starts nothing."], ["rota check"]),
        (["A job is late."], ["rota check"]),
    ]


def test_a_deployment_that_went_well_is_no_trouble() -> None:
    assert page(gathered(WELL, last_deployment=replace(FAILED, outcome="deployed"))).troubles == []


def test_the_task_that_failed_last_comes_first() -> None:
    failing = [
        (job(name, bad_runs=1), [run(name, hours, "missed")]) for name, hours in {"A": 3, "B": 1, "C/D": 2}.items()
    ]
    troubles = page(gathered(*failing)).troubles
    assert [each.href for each in troubles] == ["/t/B", "/t/C%2FD", "/t/A"]
    assert troubles[1].does[0] == ("Run it now", "/do/run/C%2FD")


@pytest.mark.parametrize(
    ("members", "what", "outcome", "href", "can_go_back"),
    [
        ({}, "the plan", "", "/r/v2", True),
        ({"live": True}, "the plan", "live", "/r/v2", False),
        ({"release": None}, "the plan", "", "/d/push-2", False),
        ({"outcome": "aborted", "cause": "It was stopped."}, "It was stopped.", "aborted", "/r/v2", False),
        ({"outcome": "held", "release": None, "cause": ""}, "the plan", "held", "/d/push-2", False),
        ({"outcome": "nothing to do", "release": None}, "the plan", "nothing to do", "/d/push-2", False),
    ],
    ids=["an earlier one", "live", "of no number", "aborted", "held", "nothing to do"],
)
def test_the_row_of_a_release(members: dict[str, Any], what: str, outcome: str, href: str, can_go_back: bool) -> None:
    (shown,) = page(gathered(WELL), deployment(2, 26, **{"summary": "the plan", **members})).releases
    assert (shown.what, shown.outcome, shown.href, shown.can_go_back) == (what, outcome, href, can_go_back)


@pytest.mark.parametrize(
    ("members", "ended"),
    [
        ({}, "26 h ago"),
        ({"finished_at": None, "started_at": NOW - timedelta(hours=3)}, "3 h ago"),
        ({"finished_at": None, "started_at": None}, None),
    ],
    ids=["it has ended", "it has begun", "not known"],
)
def test_when_a_release_ended(members: dict[str, Any], ended: str | None) -> None:
    (shown,) = page(gathered(WELL), deployment(2, 26, **members)).releases
    assert (shown.ended.words if shown.ended else None) == ended


def test_times_are_of_the_zone_that_is_asked_for() -> None:
    assert CLOCK.zone == "UTC"
    assert CLOCK.coming(NOW + timedelta(minutes=5)).words == "in 5 min"
    assert CLOCK.coming(NOW + timedelta(hours=5)).words == "17:00"


@pytest.mark.parametrize(
    ("hours", "ticks"),
    [
        (24, ["29 18:00:00", "30 00:00:00", "30 06:00:00", "30 18:00:00", "01 00:00:00", "01 06:00:00"]),
        (168, [f"{day:02} 00:00:00" for day in (25, 26, 27, 28, 29, 2, 3, 4, 5, 6)]),
    ],
    ids=["a day", "a week"],
)
def test_the_ticks_are_at_midnight_and_each_quarter_of_the_day(hours: int, ticks: list[str]) -> None:
    now = NOW.replace(minute=34, second=56, microsecond=789)
    found = axis(Clock(now, utc=True), hours)
    assert [f"{at:%d %H:%M:%S}" for at, _ in found.ticks] == ticks
    assert {at.microsecond for at, _ in found.ticks} == {0}


def test_optional_steps_are_shown_once_they_run() -> None:
    def names(*ended: str, now: str) -> list[str]:
        steps = {each: Step(each, NOW, left=NOW) for each in ended}
        return [step.name for step in deploying(DEPLOYS, gathered(WELL).status, steps, [], now, CLOCK).steps]

    always = names(now="TakeTurn")
    assert "RunBefore" not in always
    assert sorted({*names("RunBefore", now="ClearRules")} - {*always}) == ["RunBefore"]
    assert sorted({*names(now="RunAfter")} - {*always}) == ["RunAfter"]


@pytest.mark.parametrize(
    ("members", "remarks"),
    [
        ({}, []),
        ({"newer_waits": True}, ["A newer push waits."]),
        ({"newer_waits": True, "status": "ABORTED"}, ["A newer push waits.", "Its execution is ABORTED."]),
    ],
    ids=["none", "a newer one", "aborted"],
)
def test_what_else_is_to_be_said_of_a_deployment(members: dict[str, Any], remarks: list[str]) -> None:
    assert [*deploying(replace(DEPLOYS, **members), gathered(WELL).status, {}, [], "", CLOCK).remarks] == remarks


@pytest.mark.parametrize(
    ("rollout", "new", "words"),
    [
        ("COMPLETED", 2, "2 of 2 tasks run shop:7; the rollout is complete"),
        ("FAILED", 0, "0 of 2 tasks run shop:7; the rollout failed"),
        ("IN_PROGRESS", 3, "3 of 2 tasks run shop:7"),
    ],
)
def test_how_far_the_service_has_come(rollout: str, new: int, words: str) -> None:
    status = gathered(WELL, service=Service("shop:7", 2, 2, rollout, new)).status
    for now, steps in (("RollService", {}), ("CheckService", {}), ("RunAfter", {"CheckService": Step("x", NOW)})):
        shown = deploying(DEPLOYS, status, steps, ["a", "b"], now, CLOCK).rollout
        assert shown == Rollout(min(new, 2), 2, words, ("a", "b"))
    assert deploying(DEPLOYS, status, {}, [], "ReadConfig", CLOCK).rollout is None


@pytest.mark.parametrize(
    ("kind", "by", "words"),
    [
        ("push", "", "pushed"),
        ("again", "user/ana", "deployed again by ana"),
        ("image", "ana", "deployed by ana"),
        ("schedule", "", "new schedule file"),
        ("rollback", "a/b/ana", "rollback by ana"),
        (None, "", ""),
        (None, "ana", "by ana"),
    ],
)
def test_how_a_deployment_was_begun(kind: str | None, by: str, words: str) -> None:
    assert how(kind, by) == words


@pytest.mark.parametrize(
    ("status", "words"), [("not_started", "A does not start"), ("missed", "A is missed"), ("failed", "A fails")]
)
def test_the_headline_says_how_a_job_fails(status: str, words: str) -> None:
    assert page(gathered((job("A"), [run("A", 1, status)]))).headline == words


LIVE_FOR = {
    "all": ({"by": "user/ana", "reason": "the sale"}, "for 3 h, pushed by ana “the sale”"),
    "no time": ({"since": None}, "pushed"),
    "nothing": ({"since": None, "kind": None}, ""),
}


@pytest.mark.parametrize(("members", "words"), LIVE_FOR.values(), ids=LIVE_FOR)
def test_since_when_it_is_live(members: dict[str, Any], words: str) -> None:
    shown = page(gathered(WELL, release=replace(LIVE, **members)))
    assert (shown.live, shown.live_href, shown.image) == (words, "/r/v2", "b81d07e")


def test_a_live_image_without_a_tag_and_a_number() -> None:
    shown = page(gathered(WELL, release=replace(LIVE, tag=None, release=None)))
    assert (shown.release, shown.image, shown.live_href) == ("", DIGEST[:15], "")


def test_gates_of_images_without_a_tag() -> None:
    bars = [Bar(DIGEST, None, "", "the login fails")] * 2
    opens = NOW + timedelta(hours=6)
    gates = page(gathered(WELL, barred=bars, pending=Pending(DIGEST, None, "arn:x", opens))).gates
    assert gates == [
        Todo(
            "warn",
            f"The push of {DIGEST[:15]} waits for the deployment window",
            ["It opens 18:00."],
            [f"rota deploy --image {DIGEST[:15]} --now"],
        ),
        Todo(
            "warn",
            f"{DIGEST[:15]} is barred: a push deploys nothing",
            ["A rollback left it: “the login fails”"],
            ["rota resume --barred"],
            does=[("Lift the bar", "/do/lift")],
        ),
    ]


@pytest.mark.parametrize(("minutes", "often"), [(59, True), (60, True), (61, False)])
def test_what_runs_often_is_one_span(minutes: int, often: bool) -> None:
    found = gathered((job("A", f"rate({minutes} minutes)"), [run("A", 0.5)]))
    coming = page(found).tasks[0].coming
    assert (bool(coming.often), bool(coming.single)) == (often, not often)
    assert [end for _, end in coming.often] == [NOW + timedelta(days=1)] * often


def test_a_schedule_that_is_due_at_the_ends_of_the_axis() -> None:
    coming = page(gathered((job("A", "cron(0 12 * * ? *)"), []))).tasks[0].coming
    assert coming.single == (NOW + timedelta(days=1),)


STATUSES: dict[str, tuple[str, Tone]] = {
    "ok": ("ok, 40 s", "good"),
    "failed": ("failed, 40 s", "bad"),
    "not_started": ("did not start", "bad"),
    "missed": ("missed", "bad"),
    "starting": ("starts, 40 s", "busy"),
    "running": ("runs, 40 s", "busy"),
    "unknown": ("unknown, 40 s", "plain"),
    "skipped": ("skipped, 40 s", "plain"),
    "replaced": ("replaced, 40 s", "plain"),
}


@pytest.mark.parametrize(("status", "words", "tone"), [(name, *each) for name, each in STATUSES.items()], ids=STATUSES)
def test_how_the_last_run_was(status: str, words: str, tone: Tone) -> None:
    (task,) = page(gathered((job("A"), [run("A", 1, status)]))).tasks
    assert (task.last, task.last_tone, task.tone) == (words, tone, tone)


def to_approve(title: str, changes: str, why: str) -> Todo:
    todo = [f"rota {verb} {changes} --reason …" for verb in ("approve", "reject")]
    does = [("Approve", f"/do/approve/{changes}"), ("Reject", f"/do/reject/{changes}")]
    return Todo("warn", f"{title} waits for an approval until 18:00", [why], todo, does=does)


OF_A_FILE = PendingSchedule("arn:x", "", None, "beef", ASKS.approve_until, "schedules: 2 changed")
HELD = {"hold": Hold("", "", NOW, None)}
IN_FORCE = Todo(
    "warn", "Deployments are held", [], ["rota resume --deployments"], does=[("End the hold", "/do/end-hold")]
)
GATES: dict[str, tuple[dict[str, Any], list[Todo]]] = {
    "a push and a file to approve": (
        {"pending": replace(ASKS, tag=None), "pending_schedule": OF_A_FILE},
        [
            to_approve(f"The push of {DIGEST[:15]}", "4f2a", "schedules: 1 new"),
            to_approve("The change of the schedule file", "beef", "schedules: 2 changed"),
        ],
    ),
    "a file that waits for no approval": ({"pending_schedule": PendingSchedule("arn:x", "")}, []),
    "what waits for an approval does not wait for the hold": (
        {**HELD, "pending": ASKS},
        [to_approve("The push of a1b2c3d", "4f2a", "schedules: 1 new"), IN_FORCE],
    ),
    "a push without a tag in a hold": (
        {**HELD, "pending": Pending(DIGEST, None, "arn:x")},
        [replace(IN_FORCE, why=[f"{DIGEST[:15]} waits, and is deployed at the end."])],
    ),
    "a push without a tag": (
        {"pending": Pending(DIGEST, None, "arn:x")},
        [Todo("busy", f"The push of {DIGEST[:15]} is started within minutes")],
    ),
    "two bars, the last without a reason": (
        {"barred": [Bar(DIGEST, "a", "user/ana", "the login fails"), Bar(f"{DIGEST[:-1]}0", "b", "user/ben", "")]},
        [
            Todo(
                *("warn", "a, b are barred: a push deploys nothing", [], ["rota resume --barred"]),
                does=[("Lift the bar", "/do/lift")],
            )
        ],
    ),
    "two bars, the last with one": (
        {"barred": [Bar(DIGEST, "a", "", ""), Bar(f"{DIGEST[:-1]}0", "b", "user/ben", "the login fails")]},
        [
            Todo(
                *("warn", "a, b are barred: a push deploys nothing"),
                *(["A rollback by ben left them: “the login fails”"], ["rota resume --barred"]),
                does=[("Lift the bar", "/do/lift")],
            )
        ],
    ),
}


@pytest.mark.parametrize(("status", "gates"), GATES.values(), ids=GATES)
def test_what_keeps_pushes_out_says_what_to_do(status: dict[str, Any], gates: list[Todo]) -> None:
    assert page(gathered(WELL, **status)).gates == gates


IDLE: dict[str, tuple[dict[str, Any] | None, str]] = {
    "it has not ended": ({"finished_at": None}, ""),
    "none is known": (None, ""),
    "how long is not known": ({"seconds": None}, " The last deployment, of v2 tag-2, succeeded 2 h ago."),
    "no tag": ({"tag": None}, f" The last deployment, of v2 {DIGEST[:15]}, succeeded 2 h ago, in 48 s."),
    "a pause": (
        {"release": None, "tag": None, "digest": None, "outcome": "done"},
        " The last deployment, of what was changed, ended 2 h ago: done.",
    ),
}


@pytest.mark.parametrize(("members", "more"), IDLE.values(), ids=IDLE)
def test_what_was_deployed_last(members: dict[str, Any] | None, more: str) -> None:
    known = [] if members is None else [deployment(2, 2, **members)]
    assert page(gathered(WELL), *known).idle == f"Nothing deploys.{more}"


def test_before_the_first_release_it_says_what_will_be_shown() -> None:
    assert page(gathered(release=None)).idle == "Nothing deploys. The first push will be shown here, step by step."


@pytest.mark.parametrize(
    ("outcome", "tone"),
    [
        ("failed", "bad"),
        ("restoring", "bad"),
        ("refused", "warn"),
        ("aborted", "warn"),
        ("overtaken", "plain"),
        ("deployed", "plain"),
    ],
)
def test_the_tone_of_a_release_that_is_not_live(outcome: str, tone: Tone) -> None:
    (shown,) = page(gathered(WELL), deployment(2, 26, outcome=outcome)).releases
    assert shown.tone == tone


def test_a_release_lived_until_the_next_one_of_which_that_is_known() -> None:
    between = deployment(2, 9, finished_at=None)
    releases = page(gathered(WELL), deployment(3, 2, live=True), between, deployment(1, 26)).releases
    assert [each.lived for each in releases] == ["live for 2 h", "", "was live for 24 h"]


def test_what_was_held_without_an_image_hides_behind_nothing() -> None:
    later, held = (deployment(0, each, release=None, digest=None, outcome="held") for each in (1, 2))
    assert len(page(gathered(WELL), later, held).releases) == 2


@pytest.mark.parametrize(
    ("minutes", "words", "note"), [(59, "in 59 min", "12:59"), (60, "13:00", ""), (61, "13:01", "")]
)
def test_within_an_hour_the_next_run_is_said_in_minutes_and_at_its_time(minutes: int, words: str, note: str) -> None:
    found = gathered(WELL)
    found.status.tasks[0] = replace(found.status.tasks[0], next=NOW + timedelta(minutes=minutes))
    (task,) = page(found).tasks
    assert task.next
    assert (task.next.words, task.next_note) == (words, note)


def test_an_alarm_without_a_description() -> None:
    (trouble,) = page(gathered(WELL), health=[Finding("alarms", "fail", "rota-Runs")]).troubles
    assert trouble == Todo("warn", "The alarm rota-Runs rings", [], ["rota check"])


def test_a_task_of_which_nothing_but_its_bad_runs_is_known_comes_first() -> None:
    unseen: tuple[Any, list[Any]] = (job("Z", bad_runs=1), [])
    assert [each.href for each in page(gathered(FAILS, unseen)).troubles] == ["/t/Z", "/t/Ingest"]


@pytest.mark.parametrize(
    ("members", "stop"),
    [({}, "/do/stop/push-9"), ({"status": "FAILED"}, ""), ({"phase": "restoring"}, "")],
    ids=["it runs", "it has ended", "it is restored"],
)
def test_what_runs_and_is_not_restored_already_may_be_stopped(members: dict[str, Any], stop: str) -> None:
    shown = deploying(replace(DEPLOYS, **members), gathered(WELL).status, {}, [], "", CLOCK)
    assert (shown.stop, shown.href) == (stop, "/d/push-9")


def test_of_a_service_that_is_gone_no_rollout_is_shown() -> None:
    assert deploying(DEPLOYS, gathered(WELL, service=None).status, {}, [], "RollService", CLOCK).rollout is None


def test_since_when_and_by_whom_it_deploys() -> None:
    begun = NOW - timedelta(minutes=5)
    found = replace(DEPLOYS, started_at=begun, by="user/ana", reason="new prices")
    shown = deploying(found, gathered(WELL).status, {}, [], "", CLOCK)
    assert (shown.how, shown.since.words, shown.lasts) == ("pushed by ana “new prices”", "5 min ago", "5 min")
    early = deploying(replace(DEPLOYS, started_at=NOW + timedelta(minutes=1)), gathered().status, {}, [], "", CLOCK)
    assert (early.how, early.lasts) == ("pushed", "0.0 s"), "two clocks differ"


LEFT = NOW + timedelta(seconds=2)
WAITS = Step("TakeTurn", NOW, left=LEFT, result={"decision": "wait", "reason": "another deploys"})
TURN = replace(WAITS, result={"decision": "run", "reason": "it is free"})
PLAN_FAILS = Step("PlanDeployment", NOW, left=LEFT, error="ConfigError", reason="no such file")
RESTORED = Step("RestoreDeployment", NOW, left=LEFT, error="TransientError", reason="throttled")
STATES: dict[str, tuple[list[Step], str, list[tuple[str, str, str, str]]]] = {
    "it waits for its turn": ([WAITS], "TakeTurn", [("TakeTurn", "now", "runs", "waits: another deploys")]),
    "it was entered": ([replace(TURN, left=None)], "TakeTurn", [("TakeTurn", "now", "runs", "")]),
    "one was left out": (
        [TURN],
        "PlanDeployment",
        [
            ("TakeTurn", "done", "2.0 s", "it is free"),
            ("ReadConfig", "skipped", "", ""),
            ("PlanDeployment", "now", "runs", ""),
        ],
    ),
    "one has failed": (
        [TURN, PLAN_FAILS],
        "PlanDeployment",
        [
            ("TakeTurn", "done", "2.0 s", "it is free"),
            ("ReadConfig", "skipped", "", ""),
            ("PlanDeployment", "failed", "2.0 s", "ConfigError: no such file"),
        ],
    ),
    "it is restored": (
        [TURN, PLAN_FAILS, RESTORED],
        "RestoreDeployment",
        [
            ("TakeTurn", "done", "2.0 s", "it is free"),
            ("ReadConfig", "skipped", "", ""),
            ("PlanDeployment", "failed", "2.0 s", "ConfigError: no such file"),
            ("RestoreDeployment", "now", "runs", "everything is put as it was"),
        ],
    ),
    "what changes pauses alone": (
        [TURN],
        "ChangePauses",
        [("TakeTurn", "done", "2.0 s", "it is free"), ("ChangePauses", "now", "runs", "")],
    ),
}


@pytest.mark.parametrize(("ended", "now", "shown"), STATES.values(), ids=STATES)
def test_how_far_each_step_is(ended: list[Step], now: str, shown: list[tuple[str, ...]]) -> None:
    steps = deploying(DEPLOYS, gathered(WELL).status, {each.state: each for each in ended}, [], now, CLOCK).steps
    assert [(each.name, each.state, each.took, each.note) for each in steps if each.state != "to come"] == shown
