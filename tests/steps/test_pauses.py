"""Pauses of tasks: an execution begins and ends them, deployments and restores leave them, Sweep ends them in time."""

import contextlib
import itertools
import json
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.aws import clients
from rota.contract.deployment import Kind, Origin, Outcome
from rota.deployment.ledger import Entry
from rota.errors import RejectedError, TransientError
from rota.pauses.ending import end_pauses
from rota.pauses.model import Pause
from rota.pauses.table import PauseTable
from rota.settings import Settings
from stage.gateway.calls import Call, Reply
from tests import asl
from tests.guestbook import APP, ENVIRONMENT, PREFIX, SETTINGS
from tests.in_process import client
from tests.log_lines import logged
from tests.steps.calls import KilledError
from tests.steps.deployments import AFTER, BEFORE, NEXT, THIRD, Deployment, Deployments
from tests.steps.local_stage import local_stage
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.world import World

JOB, OTHER = "RemoveSpam", "IngestData"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def pause(*tasks: str, until: datetime | None = None, **more: Any) -> dict[str, Any]:
    """The input that pauses these tasks."""
    asked = {"tasks": list(tasks or [JOB])} | ({"until": until.isoformat()} if until else {})
    return {"kind": "pause", "pause": asked, "by": "ann", "reason": "the supplier is down"} | more


def resume(*tasks: str) -> dict[str, Any]:
    """The input that resumes these tasks, all without one."""
    return {"kind": "resume", "pause": {"tasks": list(tasks)} if tasks else {}, "by": "bob"}


def states(world: World) -> dict[str, str]:
    """Whether each task's rule is on."""
    return {task: rule["State"] for task, rule in world.owned_rules().items()}


def pauses() -> dict[str, Pause]:
    return PauseTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP).read()


def in_force() -> set[str]:
    return {task for task, each in pauses().items() if each.is_in_force}


def in_an_hour() -> datetime:
    return datetime.now(UTC) + HOUR


def sweep(after: timedelta = timedelta()) -> None:
    """Sweep ends what is due so long from now."""
    settings = SETTINGS.model_copy(update={"notifications_topic_arn": client("sns").create_topic(Name="m")["TopicArn"]})
    end_pauses(settings, datetime.now(UTC) + after).raise_first()


def running(world: World, deployment: Deployment) -> Deployment:
    world.execution(deployment.context["Execution"]["Name"])
    return deployment


# ---------------------------------------------------------------------- the change


def test_a_pause_disables_the_rule_and_nothing_else(world: World, later: Deployments) -> None:
    before = world.everything()
    change = later.ask(**pause())
    assert change.run() == "Done"
    assert states(world) == {JOB: "DISABLED", OTHER: "ENABLED"}
    rules, *others = world.everything()
    rules[PREFIX + JOB]["State"] = "ENABLED"
    assert (rules, *others) == before
    assert "holder" not in world.ledger()["lease"]


def test_ledger_event_and_answer_say_who_and_why(world: World, later: Deployments) -> None:
    until = in_an_hour()
    change = later.ask(**pause(until=until))
    change.run()
    summary = f"{JOB} is paused by ann until {until:%Y-%m-%d %H:%M} UTC: the supplier is down"
    assert change.document["changed"] == {"outcome": "done", "summary": summary}
    entry, event = world.entry(change.arn), world.calls.notifications[-1]
    for said in (entry, event):
        assert (said["outcome"], said["summary"], said["kind"], said["by"]) == ("done", summary, "pause", "ann")
    assert "release" not in entry
    whole = Entry(
        outcome=Outcome.DONE,
        image=None,
        schedule=None,
        summary=summary,
        origin=Origin(kind=Kind.PAUSE, by="ann", reason="the supplier is down"),
        paused=(JOB,),
        until=until,
    )
    assert Entry.model_validate_json(entry["entry"]) == whole


def test_several_tasks_are_paused_and_resumed_at_once(world: World, later: Deployments) -> None:
    later.ask(**pause(JOB, OTHER, JOB)).run()
    assert set(states(world).values()) == {"DISABLED"}
    change = later.ask(**resume())
    assert change.run() == "Done"
    assert set(states(world).values()) == {"ENABLED"}
    assert change.document["changed"]["summary"] == f"{OTHER}, {JOB} are not paused any more"
    entry = Entry.model_validate_json(world.entry(change.arn)["entry"])
    assert (entry.paused, entry.until, entry.origin) == ((), None, Origin(kind=Kind.RESUME, by="bob"))


def test_a_resume_enables_exactly_those(world: World, later: Deployments) -> None:
    later.ask(**pause(JOB, OTHER)).run()
    assert later.ask(**resume(OTHER)).run() == "Done"
    assert (states(world), in_force()) == ({JOB: "DISABLED", OTHER: "ENABLED"}, {JOB})


def test_what_is_not_paused_is_said(later: Deployments) -> None:
    change = later.ask(**resume(JOB, "Nothing"))
    assert change.run() == "Done"
    assert change.document["changed"]["summary"] == f"Nothing, {JOB} were not paused"


@pytest.mark.exhaustive(first=0)
def test_a_task_that_is_not_enabled_stays_so(world: World, deployments: Deployments) -> None:
    world.upload({"tasks": [SCHEDULE["tasks"][0] | {"enabled": False}]})
    deployments.start().run()
    task = SCHEDULE["tasks"][0]["name"]
    deployments.ask(**pause(task)).run()
    deployments.ask(**resume()).run()
    assert states(world)[task] == "DISABLED"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (pause("NoSuchTask"), f"there is no schedule {PREFIX}NoSuchTask; name tasks as the schedule file that is live"),
        (pause(JOB, "removespam"), f"there is no schedule {PREFIX}removespam"),
        (pause(until=datetime(2020, 1, 1, tzinfo=UTC)), "which is past; write when the pause is over"),
        ({"kind": "pause", "pause": {}}, "pause.tasks is missing"),
        ({"kind": "pause"}, "is missing, the kind pause needs it"),
        (pause(hold={}), "pause and hold do not go together"),
        ({"kind": "resume", "pause": {"until": "2026-12-24T06:00:00Z"}}, "pause.until does not go with"),
        (pause(until=None, pause={"tasks": [JOB], "until": "2026-12-24T06:00:00"}), "pause is"),
    ],
)  # fmt: skip
def test_a_wrong_input_changes_nothing(given: dict[str, Any], problem: str, world: World, later: Deployments) -> None:
    before = world.everything()
    change = later.ask(**given)
    assert change.run() == "DeploymentFailed"
    assert problem in change.document["restored"]["cause"]
    assert (world.everything(), pauses()) == (before, {})
    assert "holder" not in world.ledger()["lease"]


def test_a_foreign_rule_is_not_paused(world: World, later: Deployments) -> None:
    arn = world.owned_rules()[JOB]["Arn"]
    client("events").untag_resource(ResourceARN=arn, TagKeys=["rota:app"])
    change = later.ask(**pause())
    assert change.run() == "DeploymentFailed"
    assert f"{PREFIX}{JOB} is not the app's" in change.document["restored"]["cause"]
    assert world.rules()[PREFIX + JOB]["State"] == "ENABLED"


def test_a_pause_that_fails_is_withdrawn(world: World, later: Deployments) -> None:
    change = later.ask(**pause(JOB, OTHER))
    with world.calls.refusing("events.DisableRule", "AccessDeniedException", count=0):
        assert change.run() == "DeploymentFailed"
    assert f"The pause of {OTHER}, {JOB} is withdrawn." in change.document["restored"]["cause"]
    assert (set(states(world).values()), in_force()) == ({"ENABLED"}, set())


def test_a_new_pause_that_fails_leaves_the_one_before(world: World, later: Deployments) -> None:
    later.ask(**pause(until=in_an_hour())).run()
    before = pauses()[JOB]
    change = later.ask(**pause(reason="another"))
    with world.calls.refusing("events.DisableRule", "AccessDeniedException", count=0):
        assert change.run() == "DeploymentFailed"
    assert pauses()[JOB].model_copy(update={"version": before.version}) == before
    assert states(world)[JOB] == "DISABLED"


def test_one_that_others_write_each_time_is_tried_again(world: World, later: Deployments) -> None:
    change = later.ask(**pause()).until("ChangePauses")
    with (
        world.calls.refusing("dynamodb.PutItem", "ConditionalCheckFailedException", count=0),
        pytest.raises(TransientError, match=f"the pause of {JOB} is written too often"),
    ):
        change.step("ChangePauses")
    assert states(world)[JOB] == "ENABLED"


@pytest.mark.parametrize(
    ("paused", "resumed", "says"),
    [
        pytest.param((), (), "no task was paused", id="none"),
        pytest.param((JOB,), (), f"{JOB} is not paused any more", id="all of one"),
        pytest.param((JOB,), (JOB,), f"{JOB} is not paused any more", id="one"),
        pytest.param((JOB,), (OTHER,), f"{OTHER} was not paused", id="another"),
        pytest.param(
            (JOB, OTHER),
            (JOB, "X", OTHER, "Y"),
            f"{OTHER}, {JOB} are not paused any more; X, Y were not paused",
            id="of each two",
        ),
    ],
)
def test_what_a_resume_says(paused: tuple[str, ...], resumed: tuple[str, ...], says: str, later: Deployments) -> None:
    if paused:
        later.ask(**pause(*paused)).run()
    change = later.ask(**resume(*resumed))
    assert change.run() == "Done"
    assert change.document["changed"]["summary"] == says


def test_a_resume_names_what_has_no_schedule_any_more(world: World, later: Deployments) -> None:
    later.ask(**pause()).run()
    client("events").remove_targets(Rule=PREFIX + JOB, Ids=[world.target(JOB)["Id"]])
    client("events").delete_rule(Name=PREFIX + JOB)
    change = later.ask(**resume(JOB))
    assert change.run() == "Done"
    assert world.entry(change.arn)["summary"].endswith(f"the app has no schedule for {JOB}")


def test_a_pause_that_goes_while_it_is_withdrawn_fails_no_restore(world: World, later: Deployments) -> None:
    """Sweep deletes it an hour after its end."""
    change = later.ask(**pause()).until("ChangePauses")
    with world.calls.killing("events.DisableRule", after=True), pytest.raises(KilledError):
        change.step("ChangePauses")
    change.stop()

    class Deleted:
        """A hook with which it is gone once the restore has listed what it had paused."""

        def before(self, call: Call) -> None:
            if call.caller and call.operation == "GetItem" and call.params["Key"]["app"]["S"].startswith("pauses#"):
                (each,) = pauses().values()
                PauseTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP).delete(each)

        def after(self, call: Call, reply: Reply) -> None:
            """Leave every reply as it is."""

    with local_stage().hooked(Deleted()):
        assert change.restorer().run() == "Restored"
    assert pauses() == {}


def test_an_aborted_pause_is_withdrawn(world: World, later: Deployments) -> None:
    change = later.ask(**pause()).until("ChangePauses")
    with world.calls.killing("events.DisableRule", after=True), pytest.raises(KilledError):
        change.step("ChangePauses")
    change.stop()
    assert change.restorer().run() == "Restored"
    assert (states(world)[JOB], in_force()) == ("ENABLED", set())


def test_a_resume_that_fails_is_ended_by_sweep(world: World, later: Deployments) -> None:
    later.ask(**pause()).run()
    change = later.ask(**resume())
    with world.calls.refusing("events.EnableRule", "AccessDeniedException", count=0):
        assert change.run() == "DeploymentFailed"
    assert "Sweep keeps trying" in change.document["restored"]["cause"]
    assert (states(world)[JOB], in_force()) == ("DISABLED", set())
    sweep()
    assert states(world)[JOB] == "ENABLED"


@pytest.mark.parametrize(
    ("call", "skip", "off"), [("Query", 0, {JOB, OTHER}), ("PutItem", 1, set())], ids=["before", "halfway"]
)
def test_a_resume_that_fails_ends_all_or_none(
    call: str, skip: int, off: set[str], world: World, later: Deployments
) -> None:
    later.ask(**pause(JOB, OTHER)).run()
    change = later.ask(**resume())
    with world.calls.refusing(f"dynamodb.{call}", "AccessDeniedException", skip=skip):
        assert change.run() == "DeploymentFailed"
    cause = change.document["restored"]["cause"]
    assert ("Nothing had to be restored." if off else "The pauses are over all the same") in cause
    assert in_force() == off
    sweep()
    assert {task for task, state in states(world).items() if state == "DISABLED"} == off


CALLS = ["dynamodb.PutItem", "events.DescribeRule", "events.ListTagsForResource", "dynamodb.Query", "dynamodb.GetItem"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("call", ["events.DisableRule", *CALLS, "dynamodb.UpdateItem", "events.PutEvents"])
def test_a_pause_that_is_killed_is_tried_again(call: str, after: bool, world: World, later: Deployments) -> None:
    change = later.ask(**pause()).until("ChangePauses")
    with world.calls.killing(call, after=after), pytest.raises(KilledError):
        change.step("ChangePauses")
    assert change.run() == "Done"
    assert (states(world), in_force()) == ({JOB: "DISABLED", OTHER: "ENABLED"}, {JOB})


def _heard(settings: Settings, name: str) -> tuple[Settings, Callable[[], list[dict[str, Any]]]]:
    """The settings with a topic of that parameter, and what came on it."""
    own = f"{name}-{uuid.uuid4().hex}"  # topics and queues stay for later tests, with their messages
    topic, url = client("sns").create_topic(Name=own)["TopicArn"], client("sqs").create_queue(QueueName=own)["QueueUrl"]
    queue = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)

    def messages() -> list[dict[str, Any]]:
        return [json.loads(each["Body"]) for each in client("sqs").receive_message(QueueUrl=url).get("Messages", [])]

    return settings.model_copy(update={name: topic}), messages


def test_its_end_is_reported_by_mail_and_chat(later: Deployments) -> None:
    later.ask(**pause(JOB, OTHER, until=in_an_hour())).run()
    settings, mails = _heard(SETTINGS, "notifications_topic_arn")
    settings, chats = _heard(settings, "chat_topic_arn")
    end_pauses(settings, datetime.now(UTC) + 61 * MINUTE).raise_first()
    (mail,), (chat,) = mails(), chats()
    attributes = {name: each["Value"] for name, each in mail["MessageAttributes"].items()}
    assert (json.loads(attributes["task"]), attributes["kind"]) == ([OTHER, JOB], "pause_ended")
    assert mail["Subject"] in json.loads(chat["Message"])["content"]["title"]


def test_its_end_by_a_person_is_reported_by_no_sweep(world: World, later: Deployments) -> None:
    """It is reported as a change of its own."""
    later.ask(**pause(until=in_an_hour())).run()
    later.ask(**resume()).run()
    for minutes in (1, 61):
        sweep(minutes * MINUTE)
    assert [each["kind"] for each in world.calls.notifications if "pause" in str(each.get("kind"))] == ["pause"]


@pytest.mark.parametrize(
    ("call", "code", "status", "error", "reason"),
    [
        pytest.param(
            "events.PutEvents",
            "AccessDeniedException",
            400,
            RejectedError,
            "PutEvents was denied: scripted",
            id="the event is denied",
        ),
        pytest.param(
            "sns.Publish",
            "AuthorizationError",
            403,
            RejectedError,
            "Publish: AuthorizationError: scripted",
            id="the mail is denied",
        ),
        pytest.param(
            "sns.Publish",
            "Throttled",
            400,
            TransientError,
            "Publish: Throttled: scripted",
            id="no mail in this moment",
        ),
        pytest.param(
            "events.PutEvents",
            "",
            200,
            TransientError,
            "PutEvents: InternalFailure: scripted",
            id="half of the event",
        ),
    ],
)
def test_an_end_that_cannot_be_reported_is_reported_later(
    call: str,
    code: str,
    status: int,
    error: type[Exception],
    reason: str,
    world: World,
    later: Deployments,
    caplog: pytest.LogCaptureFixture,
) -> None:
    later.ask(**pause(until=in_an_hour())).run()
    caplog.clear()
    refusing = world.calls.refusing(call, code, status=status, count=0)
    with refusing if code else world.calls.half_failing(call, "InternalFailure"), pytest.raises(error):
        sweep(61 * MINUTE)
    facts = {"kind": "pause_ended", "reason": reason}
    assert logged(caplog) == [("WARNING", "a pause could not be reported", facts)]
    assert states(world)[JOB] == "ENABLED"
    sweep(62 * MINUTE)
    reported = [each for each in world.calls.notifications if each.get("kind") == "pause_ended"]
    assert reported and pauses()[JOB].reported_at


def test_an_item_stays_until_its_end_is_reported(world: World, later: Deployments) -> None:
    later.ask(**pause(until=in_an_hour())).run()
    with world.calls.refusing("events.PutEvents", "AccessDeniedException", count=0):
        for minutes in (61, 122, 240):
            with pytest.raises(RejectedError):
                sweep(minutes * MINUTE)
    for minutes in (241, 242):
        sweep(minutes * MINUTE)
    assert [each["kind"] for each in world.calls.notifications if each.get("kind") == "pause_ended"] == ["pause_ended"]
    assert pauses() == {}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("call", ["events.EnableRule", *CALLS, "dynamodb.UpdateItem", "events.PutEvents"])
def test_a_resume_that_is_killed_is_tried_again(call: str, after: bool, world: World, later: Deployments) -> None:
    later.ask(**pause()).run()
    change = later.ask(**resume()).until("ChangePauses")
    with world.calls.killing(call, after=after), pytest.raises(KilledError):
        change.step("ChangePauses")
    assert change.run() == "Done"
    assert (states(world)[JOB], in_force()) == ("ENABLED", set())


def test_a_new_pause_takes_the_place_of_the_one_before(later: Deployments) -> None:
    until = in_an_hour()
    begun = later.ask(**pause(until=until))
    begun.run()
    first = pauses()[JOB]
    assert first == Pause(
        task=JOB,
        since=first.since,
        until=until,
        by="ann",
        reason="the supplier is down",
        execution=begun.arn,
        enabled=True,
        version=1,
    )
    second, third = later.ask(**pause(reason="for good")), later.ask(**pause(reason="for better"))
    second.run()
    found = pauses()[JOB]
    assert (found.reported_at or first.since) > first.since, "people know of the first"
    replacing = first.model_copy(
        update={
            "until": None,
            "reason": "for good",
            "execution": second.arn,
            "replaces": first,
            "reported_at": found.reported_at,
            "version": 2,
        }
    )
    assert found == replacing
    third.run()
    assert pauses()[JOB].replaces == replacing.model_copy(update={"replaces": None})
    assert later.ask(**resume()).run() == "Done"
    over = pauses()[JOB]
    assert (over.ended_by, over.reported_at) == ("resume by bob", None)
    assert over.ended_at == over.settled_at
    later.ask(**pause(reason="anew")).run()
    anew = pauses()[JOB]
    assert (anew.replaces, anew.reported_at, anew.enabled, anew.ended_at) == (None, None, True, None)
    assert anew.since > first.since


def test_one_whose_end_came_before_its_turn_pauses_nothing(world: World, later: Deployments) -> None:
    change = later.ask(**pause(until=datetime(2026, 1, 1, 7, tzinfo=UTC)))
    assert change.run() == "Done"
    assert change.document["changed"]["summary"].startswith("nothing was paused: 2026-01-01 07:00 UTC was over")
    assert (states(world)[JOB], in_force()) == ("ENABLED", set())


# ---------------------------------------------------------------------- deployments and restores


def test_a_deployment_leaves_a_pause(world: World, later: Deployments) -> None:
    later.ask(**pause()).run()
    push = later.start(NEXT)
    assert push.run() == "Deployed"
    assert states(world) == {JOB: "DISABLED", OTHER: "ENABLED"}
    assert f"{JOB} is paused by ann until a person resumes it: the supplier is down" in push.document["plan"]["summary"]
    assert later.ask(**resume()).run() == "Done"
    assert states(world)[JOB] == "ENABLED"


@pytest.mark.parametrize("is_over", [False, True], ids=["its schedule is gone", "it is over"])
def test_a_plan_names_what_is_paused_and_there(is_over: bool, world: World, later: Deployments) -> None:
    later.ask(**pause(JOB, OTHER)).run()
    if is_over:
        later.ask(**resume(JOB)).run()
    else:
        client("events").remove_targets(Rule=PREFIX + JOB, Ids=[PREFIX + JOB])
        client("events").delete_rule(Name=PREFIX + JOB)
    summary = later.start(NEXT).until("RegisterRevisions").document["plan"]["summary"]
    assert f"; {OTHER} is paused by ann until a person resumes it: the supplier is down" in summary
    assert f"{JOB} is paused" not in summary


def test_a_pause_is_nothing_to_deploy(world: World, later: Deployments) -> None:
    later.ask(**pause()).run()
    assert later.start().run() == "NothingToDo"
    assert states(world)[JOB] == "DISABLED"


def test_the_file_changes_what_a_task_is_after_its_pause(world: World, later: Deployments) -> None:
    later.ask(**pause(*states(world))).run()
    world.upload({"tasks": [task | {"enabled": False} for task in SCHEDULE["tasks"]]})
    assert later.start(NEXT).run() == "Deployed"
    assert not any(each.enabled for each in pauses().values())
    later.ask(**resume()).run()
    assert set(states(world).values()) == {"DISABLED"}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("state", asl.AFTER_ITS_TURN[1:])
def test_a_restore_leaves_a_pause(state: str, world: World, of_before: Deployments) -> None:
    of_before.ask(**pause(JOB, "CountTeaspoons")).run()
    before, paused = world.rules(), pauses()
    world.upload(AFTER)
    push = of_before.start(NEXT).until(state)
    push.fail("RejectedError", "what happened")
    push.restore()
    assert world.rules() == before
    assert {task: each.enabled for task, each in pauses().items()} == {
        task: each.enabled for task, each in paused.items()
    }


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("fails", [True, False], ids=["restored", "deployed"])
@pytest.mark.parametrize("state", asl.AFTER_ITS_TURN)
def test_a_pause_ends_in_any_state_of_a_deployment(
    state: str, fails: bool, world: World, of_before: Deployments
) -> None:
    """The file moves the task at the same time. Sweep ends the pause without the lease."""
    of_before.ask(**pause(*states(world), until=in_an_hour())).run()
    world.upload(AFTER)
    push = of_before.start(NEXT).until(state)
    sweep(2 * HOUR)
    if fails:
        push.document.setdefault("revisions", None)
        push.fail("RejectedError", "what happened")
        push.step("RestoreDeployment")
    else:
        assert push.run() == "Deployed"
    assert set(states(world).values()) == {"ENABLED"}
    sweep(2 * HOUR)
    assert set(states(world).values()) == {"ENABLED"}


def test_a_pause_that_ends_while_a_rule_is_written_does_not_stay(
    world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    later.ask(**pause(until=in_an_hour())).run()
    world.upload(AFTER)
    push = later.start(NEXT).until("CreateTargets")
    events, swept = client("events"), list[bool]()
    real = clients.events().put_rule

    def put_rule(**request: Any) -> Any:
        """Sweep comes between the read of the pause and this write."""
        if request["Name"] == PREFIX + JOB and not swept:
            swept.append(True)
            sweep(2 * HOUR)
        return real(**request)

    monkeypatch.setattr(clients.events(), "put_rule", put_rule)
    push.until("RollService")
    assert swept
    assert events.describe_rule(Name=PREFIX + JOB)["State"] == "ENABLED"


def test_a_task_that_leaves_the_file_is_not_enabled_by_its_pauses_end(world: World, of_before: Deployments) -> None:
    of_before.ask(**pause("CountTeaspoons", until=in_an_hour())).run()
    world.upload(AFTER)
    push = of_before.start(NEXT).until("CreateTargets")
    sweep(2 * HOUR)
    assert states(world)["CountTeaspoons"] == "DISABLED"
    assert push.run() == "Deployed"
    assert "CountTeaspoons" not in states(world)


@pytest.fixture
@once
def left(world: World, of_before: Deployments) -> Deployments:
    """After a second deployment, with which a task has left the file that was paused."""
    of_before.ask(**pause("CountTeaspoons")).run()
    world.upload(AFTER)
    assert of_before.start(NEXT).run() == "Deployed"
    sweep(2 * HOUR)
    return of_before


def test_a_task_that_comes_back_within_30_days_is_paused(world: World, left: Deployments) -> None:
    sweep(29 * DAY)
    world.upload(BEFORE)
    left.start(THIRD).until("RollService")
    assert states(world)["CountTeaspoons"] == "DISABLED"


def test_the_pause_of_a_task_that_left_is_kept_30_days(world: World, left: Deployments) -> None:
    sweep(31 * DAY)
    assert in_force() == set()
    world.upload(BEFORE)
    left.start(THIRD).until("RollService")
    assert states(world)["CountTeaspoons"] == "ENABLED"


# ---------------------------------------------------------------------- at every state, with a second push waiting


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(
    "asked", [pause(JOB), resume(OTHER), {"kind": "schedule"}], ids=["pause", "resume", "schedule"]
)
@pytest.mark.parametrize("state", asl.AFTER_ITS_TURN)
def test_thrown_in_at_any_state_it_changes_the_end_of_no_push(
    asked: dict[str, Any], state: str, world: World, of_before: Deployments
) -> None:
    of_before.ask(**pause(OTHER)).run()
    world.upload(AFTER)
    first = running(world, of_before.start(NEXT).until(state))
    second = running(world, of_before.start(THIRD))
    change = running(world, of_before.ask(**asked))
    assert [each.step("TakeTurn")["decision"] for each in (second, change)] == ["wait", "wait"]
    # Its tag is the second's by now; the last step does not stop for a newer push.
    ends = {"ReadConfig": "DeploymentFailed", "FinishDeployment": "Deployed"}
    assert first.run() == ends.get(state, "Overtaken")
    assert second.run() == "Deployed"
    assert change.run() == ("Done" if "pause" in asked else "NothingToDo")
    expected = {OTHER} | {JOB} if asked["kind"] == "pause" else set() if asked["kind"] == "resume" else {OTHER}
    off = {task for task, state in states(world).items() if state == "DISABLED"}
    assert (off, in_force()) == (expected, expected)
    assert states(world).keys() == {"IngestData", "RemoveSpam", "Digest"}


# ---------------------------------------------------------------------- Sweep


def test_a_pause_ends_at_its_time(world: World, later: Deployments) -> None:
    later.ask(**pause(until=in_an_hour())).run()
    sweep(58 * MINUTE)
    assert states(world)[JOB] == "DISABLED"
    sweep(61 * MINUTE)
    assert (states(world)[JOB], in_force()) == ("ENABLED", set())


def test_a_pause_that_begins_while_another_ends_holds(
    world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    later.ask(**pause(until=in_an_hour())).run()
    real, again = clients.events().enable_rule, later.ask(**pause())

    def enable_rule(**request: Any) -> Any:
        """A person comes between the end of the first and this write."""
        assert not in_force()
        again.run()
        return real(**request)

    monkeypatch.setattr(clients.events(), "enable_rule", enable_rule)
    sweep(61 * MINUTE)
    assert (states(world)[JOB], in_force()) == ("DISABLED", {JOB})


def test_its_end_is_reported_once(world: World, later: Deployments) -> None:
    later.ask(**pause(JOB, OTHER, until=in_an_hour())).run()
    for minutes in range(59, 64):
        sweep(minutes * MINUTE)
    (event,) = [each for each in world.calls.notifications if each.get("kind") == "pause_ended"]
    assert (event["tasks"], event["by"], event["reason"]) == ([OTHER, JOB], "ann", "the supplier is down")


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("call", ["events.EnableRule", *CALLS, "events.PutEvents", "sns.Publish"])
def test_a_sweep_that_is_killed_is_made_up_for(call: str, after: bool, world: World, later: Deployments) -> None:
    later.ask(**pause(until=in_an_hour())).run()
    with world.calls.killing(call, after=after), pytest.raises(KilledError):
        sweep(61 * MINUTE)
    sweep(62 * MINUTE)
    assert (states(world)[JOB], in_force()) == ("ENABLED", set())
    assert [each for each in world.calls.notifications if each.get("kind") == "pause_ended"]


def test_an_end_that_fails_is_tried_each_minute_and_reported(
    world: World, later: Deployments, caplog: pytest.LogCaptureFixture
) -> None:
    later.ask(**pause(until=in_an_hour())).run()
    with world.calls.refusing("events.EnableRule", "AccessDeniedException", count=0):
        for minutes, times in ((61, 0), (63, 0), (64, 1), (70, 1), (24 * 60 + 63, 1), (24 * 60 + 65, 2)):
            caplog.clear()
            with pytest.raises(Exception, match="EnableRule was denied"):
                sweep(minutes * MINUTE)
            facts = {"task": JOB, "reason": "EnableRule was denied: scripted"}
            assert logged(caplog) == [("WARNING", "a pause could not be looked after", facts)]
            stuck = [each for each in world.calls.notifications if each.get("kind") == "pause_stuck"]
            assert [(each["tasks"], each["why"]) for each in stuck] == [
                ([JOB], "EnableRule was denied: scripted")
            ] * times, f"after {minutes} minutes"
    sweep(DAY + 66 * MINUTE)
    assert states(world)[JOB] == "ENABLED"
    assert world.calls.notifications[-1]["kind"] == "pause_ended"


def test_a_pause_without_an_end_is_reminded_of_weekly(world: World, later: Deployments) -> None:
    later.ask(**pause(JOB, OTHER)).run()
    for day in (1, 6, 7, 8, 13, 14, 15):
        sweep(day * DAY + MINUTE)
    reminders = [each for each in world.calls.notifications if each.get("kind") == "pause_continues"]
    assert [each["tasks"] for each in reminders] == [[OTHER, JOB]] * 2
    assert set(states(world).values()) == {"DISABLED"}


def test_a_pause_with_an_end_is_reminded_of_by_none(world: World, later: Deployments) -> None:
    later.ask(**pause(until=datetime.now(UTC) + 30 * DAY)).run()
    for day in (1, 8, 29):
        sweep(day * DAY)
    assert in_force() == {JOB}
    assert [each for each in world.calls.notifications if each.get("kind") == "pause_continues"] == []


def test_a_rule_that_was_untagged_is_left_alone(world: World, later: Deployments) -> None:
    later.ask(**pause(until=in_an_hour())).run()
    client("events").untag_resource(ResourceARN=world.owned_rules()[JOB]["Arn"], TagKeys=["rota:app"])
    sweep(61 * MINUTE)
    assert world.rules()[PREFIX + JOB]["State"] == "DISABLED"
    assert world.calls.notifications[-1]["kind"] == "pause_ended"


def test_what_a_person_enables_meanwhile_is_paused_again(world: World, later: Deployments) -> None:
    later.ask(**pause()).run()
    client("events").enable_rule(Name=PREFIX + JOB)
    sweep(61 * MINUTE)
    assert states(world)[JOB] == "DISABLED"


def test_what_is_off_is_looked_at_once_an_hour_and_not_switched(world: World, later: Deployments) -> None:
    later.ask(**pause()).run()
    world.calls.made.clear()
    for minutes, looks in ((30, 0), (61, 1), (62, 1), (100, 1), (122, 2)):
        sweep(minutes * MINUTE)
        asked = [call for call in world.calls.made if call.startswith("events.") and "Rule" in call]
        assert asked == ["events.DescribeRule"] * looks, f"after {minutes} minutes"


def test_who_resumes_it_in_that_moment_has_it_on(
    world: World, later: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    later.ask(**pause()).run()
    client("events").enable_rule(Name=PREFIX + JOB)
    real, again = clients.events().disable_rule, later.ask(**resume())

    def disable_rule(**request: Any) -> Any:
        """The person comes between the look and this write."""
        again.run()
        return real(**request)

    monkeypatch.setattr(clients.events(), "disable_rule", disable_rule)
    sweep(61 * MINUTE)
    assert (states(world)[JOB], in_force()) == ("ENABLED", set())


def test_an_item_goes_an_hour_after_its_pause(later: Deployments) -> None:
    later.ask(**pause(until=in_an_hour())).run()
    sweep(61 * MINUTE)
    sweep(100 * MINUTE)
    assert pauses().keys() == {JOB}
    sweep(122 * MINUTE)
    assert pauses() == {}


NOW = datetime(2027, 1, 31, 6, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ENDED: dict[str, Any] = {"ended_at": NOW - HOUR, "settled_at": NOW - HOUR, "ended_by": "resume by bob"}


@pytest.mark.parametrize(
    ("task", "changes", "becomes", "reported"),
    [
        pytest.param(JOB, {"until": NOW}, {"ended_at": NOW, "settled_at": NOW, "reported_at": NOW}, True, id="over"),
        pytest.param(JOB, {"until": NOW + SECOND}, {}, False, id="a second before its end"),
        pytest.param(JOB, {"since": NOW - 7 * DAY}, {"reported_at": NOW}, True, id="a week old"),
        pytest.param(JOB, {"since": NOW - 7 * DAY + SECOND}, {}, False, id="a second before that"),
        pytest.param(
            JOB, {"since": NOW - 9 * DAY, "reported_at": NOW - 7 * DAY}, {"reported_at": NOW}, True, id="once more"
        ),
        pytest.param(
            JOB, {"since": NOW - 9 * DAY, "reported_at": NOW - 7 * DAY + SECOND}, {}, False, id="within a week"
        ),
        pytest.param(JOB, {"looked_at": NOW - HOUR}, {"looked_at": NOW}, False, id="not looked at for an hour"),
        pytest.param(JOB, {"looked_at": NOW - HOUR + SECOND}, {}, False, id="a second before that"),
        pytest.param(JOB, ENDED, None, False, id="over for an hour"),
        pytest.param(JOB, ENDED | {"settled_at": NOW - HOUR + SECOND}, {}, False, id="for less"),
        pytest.param(
            JOB, ENDED | {"ended_by": "", "reported_at": NOW - 2 * HOUR}, {"reported_at": NOW}, True, id="not reported"
        ),
        pytest.param(JOB, ENDED | {"ended_by": "", "reported_at": NOW - HOUR}, None, False, id="reported then"),
        pytest.param(
            "Gone", {"looked_at": NOW - HOUR}, {"looked_at": NOW, "gone_since": NOW}, False, id="without a schedule"
        ),
        pytest.param(
            "Gone",
            {"looked_at": NOW - HOUR, "gone_since": NOW - 30 * DAY},
            {"ended_at": NOW, "ended_by": "its task left the schedule file"},
            False,
            id="for thirty days",
        ),
        pytest.param(
            "Gone",
            {"looked_at": NOW - HOUR, "gone_since": NOW - 30 * DAY + SECOND},
            {"looked_at": NOW},
            False,
            id="for less than thirty",
        ),
        pytest.param(
            JOB,
            {"looked_at": NOW - HOUR, "gone_since": NOW - DAY},
            {"looked_at": NOW, "gone_since": None},
            False,
            id="it came back",
        ),
        pytest.param(
            "Gone",
            {"until": NOW},
            {"ended_at": NOW, "settled_at": NOW, "reported_at": NOW, "gone_since": NOW},
            True,
            id="over, and without a schedule",
        ),
    ],
)
def test_what_a_sweep_makes_of_a_pause(
    task: str, changes: dict[str, Any], becomes: dict[str, Any] | None, reported: bool, world: World, later: Deployments
) -> None:
    looked = {"looked_at": NOW} if "looked_at" not in changes else {}
    given = Pause(**{"task": task, "since": NOW - 2 * DAY, "execution": "arn", **looked, **changes})
    seen = PauseTable(clients.dynamodb(), ENVIRONMENT["TABLE"], APP).write(given, None)
    assert seen is not None
    before = len(world.calls.notifications)
    topic = client("sns").create_topic(Name="m")["TopicArn"]
    ended = end_pauses(SETTINGS.model_copy(update={"notifications_topic_arn": topic}), NOW)
    assert ended.errors == ()
    found = pauses().get(task)
    assert (found and found.model_dump(exclude={"version"})) == (
        None if becomes is None else seen.model_copy(update=becomes).model_dump(exclude={"version"})
    )
    assert bool(world.calls.notifications[before:]) is reported


@pytest.mark.exhaustive(first=0)
def test_a_deployment_without_pauses_makes_one_call_for_them(world: World, later: Deployments) -> None:
    world.upload(AFTER)
    world.calls.made.clear()
    assert later.start(NEXT).run() == "Deployed"
    assert world.calls.made.count("dynamodb.Query") == 1, "in CreateTargets, beside its read of the plan"


# ---------------------------------------------------------------------- drawn


class Drawn:
    """Pauses, resumes, pushes and sweeps as a seed draws them; each may be killed at one of its calls. It knows which
    tasks are to be paused.
    """

    def __init__(self, seed: int, world: World, deployments: Deployments) -> None:
        self._draw = random.Random(seed)  # noqa: S311  it draws tests
        self._world, self._deployments = world, deployments
        self._files = itertools.cycle([AFTER, BEFORE])
        self._digests = itertools.cycle([NEXT, THIRD])
        self.paused: dict[str, datetime | None] = {}

    def play(self) -> None:
        self._draw.choice([self._pause, self._pause, self._resume, self._push, self._push, self._sweep])()

    def _pause(self) -> None:
        tasks = self._draw.sample(sorted(states(self._world)), 2)
        until = self._draw.choice([None, in_an_hour()])
        self._to_its_end(self._deployments.ask(**pause(*tasks, until=until)).run)
        self.paused |= dict.fromkeys(tasks, until)

    def _resume(self) -> None:
        tasks = self._draw.sample(sorted(self.paused), len(self.paused) // 2)
        self._to_its_end(self._deployments.ask(**resume(*tasks)).run)
        self.paused = {task: self.paused[task] for task in self.paused.keys() - tasks} if tasks else {}

    def _push(self) -> None:
        self._world.upload(next(self._files))
        push = self._deployments.start(next(self._digests)).until(self._draw.choice(asl.AFTER_ITS_TURN))
        if self._draw.random() < 1 / 2:
            self._sweep()
        if self._draw.random() < 1 / 2 and "outcome" not in push.document:
            push.fail("RejectedError", "what happened")
            self._to_its_end(push.restore)
        else:
            self._to_its_end(push.run)

    def _sweep(self) -> None:
        self._to_its_end(lambda: sweep(2 * HOUR))
        self.paused = {task: until for task, until in self.paused.items() if until is None}

    def _to_its_end(self, work: Callable[[], object]) -> None:
        """Work that is begun again after it was killed."""
        call = self._draw.choice([*CALLS, "events.PutRule", "events.EnableRule", "events.DisableRule"])
        with (
            contextlib.suppress(KilledError),
            self._world.calls.killing(call, skip=self._draw.randrange(4), after=self._draw.random() < 1 / 2),
        ):
            work()
            return
        work()


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_killed_no_pause_is_lost_or_outlives_its_end(
    seed: int, world: World, of_before: Deployments
) -> None:
    drawn = Drawn(seed, world, of_before)
    for _ in range(8):
        drawn.play()
        assert in_force() == drawn.paused.keys()
        off = {task for task, state in states(world).items() if state == "DISABLED"}
        assert off == drawn.paused.keys() & states(world).keys()
