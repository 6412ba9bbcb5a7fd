"""TakeTurn: takes the app's lease, or waits, or learns that it is overtaken."""

import copy
import json
from datetime import UTC, datetime, timedelta

import pytest

from rota.errors import RejectedError, TransientError
from tests.examples import EVENTS, PUSH, end_of
from tests.guestbook import DIGEST, IMAGE_URI
from tests.steps import items
from tests.steps.calls import KilledError, number
from tests.steps.deployments import NEXT, Deployment, Deployments, invoke
from tests.steps.items import LEASE
from tests.steps.world import World


def test_the_example_event_takes_a_free_lease(world: World) -> None:
    event = json.loads((EVENTS / "take_turn.json").read_text())
    answer = invoke("take_turn", event)
    assert (answer["decision"], answer["dry_run"], answer["image"]["digest"]) == ("go", False, DIGEST)
    assert world.ledger()["lease"]["holder"] == event["execution"]["id"]


def test_taken_twice_it_is_still_held(world: World, deployments: Deployments) -> None:
    holder = deployments.start()
    assert [holder.step("TakeTurn")["decision"] for _ in range(2)] == ["go", "go"]
    assert world.ledger()["lease"]["holder"] == holder.arn


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_while_it_takes_the_lease_it_takes_it_again(after: bool, world: World, deployments: Deployments) -> None:
    holder = deployments.start()
    with world.calls.killing("dynamodb.UpdateItem", after=after), pytest.raises(KilledError):
        holder.step("TakeTurn")
    assert holder.step("TakeTurn")["decision"] == "go"
    assert world.ledger()["lease"]["holder"] == holder.arn


def test_while_another_deploys_it_waits(world: World, deployments: Deployments) -> None:
    holder = deployments.start()
    holder.step("TakeTurn")
    world.execution("deployment-1")
    answer = deployments.start(NEXT).step("TakeTurn")
    assert (answer["decision"], answer["reason"]) == (
        "wait",
        "deployment-1 is deploying, or was stopped and will be restored",
    )
    assert answer["wait_seconds"] > 0
    assert world.ledger()["lease"]["holder"] == holder.arn


@pytest.mark.parametrize(("waited", "seconds"), [(1, 20), (900, 45), (86_400, 864)])
def test_the_wait_grows_with_the_time_waited(waited: int, seconds: int, world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1")
    waits = Deployment(world, "waits", PUSH, datetime.now(UTC) - timedelta(seconds=waited))
    assert waits.step("TakeTurn")["wait_seconds"] == seconds


def test_of_two_that_wait_the_older_is_overtaken(world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1")
    older, newer = deployments.start(NEXT), deployments.start(NEXT)
    assert [each.step("TakeTurn")["decision"] for each in (older, newer, older, newer)] == [
        "wait",
        "wait",
        "overtaken",
        "wait",
    ]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("first", [0, 1], ids=["in order", "the later one first"])
def test_two_executions_of_one_event_do_not_overtake_each_other(first: int, world: World) -> None:
    """EventBridge delivers at least once, and Lambda runs the two in any order."""
    now = datetime.now(UTC)
    push = PUSH | {"id": "an-event", "time": f"{now:%FT%TZ}"}
    both = [Deployment(world, f"an-event_{number:032}", push, now + timedelta(seconds=number)) for number in (1, 2)]
    holder, other = both[first], both[1 - first]
    assert holder.step("TakeTurn")["decision"] == "go"
    world.execution(holder.context["Execution"]["Name"])
    assert other.step("TakeTurn")["decision"] == "wait"
    assert holder.run() == "Deployed"
    assert other.run() == "NothingToDo"


@pytest.mark.parametrize(
    ("name", "time"),
    [
        pytest.param("an-event-rollback", "2026-01-01T06:00:00Z", id="a rollback that is named after its event"),
        pytest.param("an-event_" + "1f" * 16, "2062-01-01T06:00:00Z", id="a year mistyped"),
    ],
)
def test_what_a_person_starts_counts_from_its_start(name: str, time: str, world: World, later: Deployments) -> None:
    by_hand = later.start(NEXT, id="an-event", time=time)
    by_hand.context["Execution"] |= {"Name": name, "Id": by_hand.arn.replace("deployment-2", name)}
    assert by_hand.step("TakeTurn")["decision"] == "go"
    world.execution(name, ended=timedelta(minutes=4))
    assert later.start().step("TakeTurn")["decision"] == "go"


def test_a_mistyped_digest_overtakes_nothing(world: World, deployments: Deployments) -> None:
    holder = deployments.start()
    holder.step("TakeTurn")
    world.execution("deployment-1")
    detail = PUSH["detail"] | {"image-digest": "sha256:" + "0" * 64}
    typed = deployments.start(detail=detail)
    with pytest.raises(RejectedError, match=r"the image guestbook@sha256:0+ is not in ECR; push it again"):
        typed.step("TakeTurn")
    assert holder.run() == "Deployed"


def test_a_deployment_that_writes_stops_for_a_newer_one(world: World, deployments: Deployments) -> None:
    holder = deployments.start().until("RegisterRevisions")
    world.execution("deployment-1")
    deployments.start(NEXT).step("TakeTurn")
    assert holder.run() == "Overtaken"
    assert world.owned_rules() == {}


@pytest.mark.parametrize("known", [True, False], ids=["stopped", "forgotten by Step Functions"])
def test_the_lease_of_an_ended_deployment_is_taken_over(known: bool, world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1" if known else "another", ended=timedelta(minutes=4))
    next_ = deployments.start(NEXT)
    answer = next_.step("TakeTurn")
    assert (answer["decision"], answer["reason"]) == ("go", "deployment-1 held the lease and has ended")
    assert world.ledger()["lease"]["holder"] == next_.arn


def test_a_lease_whose_restore_has_ended_too_is_taken_over(world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1", ended=timedelta(minutes=4))
    restorer = world.execution("second", ended=timedelta(minutes=4))
    items.change(LEASE, "SET restorer = :restorer", restorer={"S": restorer})
    next_ = deployments.start(NEXT)
    assert next_.step("TakeTurn")["decision"] == "go"
    lease = world.ledger()["lease"]
    assert (lease["holder"], "restorer" in lease) == (next_.arn, False)


def test_a_lease_without_a_record_is_taken_over(world: World, deployments: Deployments) -> None:
    """A version of Rota that wrote none took it, or a person changed it."""
    deployments.start().step("TakeTurn")
    world.execution("deployment-1", ended=timedelta(minutes=4))
    items.change(LEASE, "REMOVE deployment")
    assert deployments.start(NEXT).step("TakeTurn")["decision"] == "go"


def test_a_deployment_just_stopped_is_restored_first(world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1", ended=timedelta(minutes=2))
    answer = deployments.start(NEXT).step("TakeTurn")
    assert (answer["decision"], answer["reason"]) == (
        "wait",
        "deployment-1 is deploying, or was stopped and will be restored",
    )


def test_a_push_waits_for_a_restore_that_begins_late(
    world: World, deployments: Deployments, creating: Deployment
) -> None:
    """Lambda may be throttled between two steps."""
    creating.stop(timedelta(hours=1))
    assert creating.restorer().step("TakeTurn")["decision"] == "restore"
    assert deployments.start().step("TakeTurn")["decision"] == "wait"


def test_a_restore_that_never_began_can_be_named_too(world: World, deployments: Deployments) -> None:
    stopped = deployments.start().until("RegisterRevisions")
    world.execution("deployment-1", ended=timedelta(hours=1))
    stopped_event = end_of(stopped.arn)
    never_began = world.execution("first", ended=timedelta(hours=1), given=stopped_event)
    world.execution("second")
    asked = end_of(never_began)
    answer = Deployment(world, "second", asked, datetime.now(UTC)).step("TakeTurn")
    assert (answer["decision"], answer["restores"]) == ("restore", stopped.arn)
    assert deployments.start().step("TakeTurn")["decision"] == "wait"


@pytest.mark.parametrize(
    ("more", "decision", "said"),
    [
        ({}, "restore", "first is ABORTED"),
        (
            {"id": "an-event"},
            "ignore",
            "first was to restore another one, and is started again by a person only",
        ),
    ],
    ids=["a person", "its event"],
)
def test_a_stopped_restore_is_started_again_by_a_person_only(
    more: dict[str, str], decision: str, said: str, world: World, deployments: Deployments
) -> None:
    stopped = deployments.start().until("RegisterRevisions")
    begun = world.execution("first", ended=timedelta(hours=1), given=end_of(stopped.arn))
    before = world.ledger()["lease"]
    world.execution("second")
    answer = Deployment(world, "second", end_of(begun) | more, datetime.now(UTC)).step("TakeTurn")
    assert answer == {
        "decision": decision,
        "reason": said,
        "wait_seconds": 20,
        "dry_run": False,
        "image": None,
        "origin": None,
        "restores": None if more else stopped.arn,
        "pinned": None,
        "approval": None,
        "remark": "",
        "with_before": True,
    }
    assert (world.ledger()["lease"] == before) is (decision == "ignore")


def test_the_last_of_several_stopped_restores_keeps_the_lease(world: World, deployments: Deployments) -> None:
    """The first restore never began, the second was stopped while it restored: the lease names only that one."""
    stopped = deployments.start().until("RegisterRevisions")
    never_began = world.execution("first", ended=timedelta(hours=1), given=end_of(stopped.arn))
    begun = world.execution("second", ended=timedelta(hours=1), given=end_of(never_began))
    items.change(LEASE, "SET restorer = :restorer", restorer={"S": begun})
    third = world.execution("third")
    Deployment(world, "third", end_of(begun), datetime.now(UTC)).step("TakeTurn")
    assert world.ledger()["lease"]["restorer"] == third


def test_a_push_waits_while_another_execution_restores(
    world: World, deployments: Deployments, creating: Deployment
) -> None:
    """That one may be refused for hours, and no invocation writes between its attempts."""
    with world.calls.killing("events.PutTargets"), pytest.raises(KilledError):
        creating.step("CreateTargets")
    creating.stop(timedelta(hours=1))
    restorer = world.execution("restorer")
    request = creating.request("RestoreDeployment")
    by = {"id": restorer, "name": "restorer", "started_at": request["execution"]["started_at"]}
    turn = {"decision": "restore", "reason": "", "wait_seconds": 1, "dry_run": False, "image": None}
    handed = {**request, "execution": by, "document": {"turn": {**turn, "restores": creating.arn}}}
    with world.calls.refusing("events.PutRule", "AccessDeniedException", count=0), pytest.raises(RejectedError):
        invoke("restore_deployment", handed)
    assert deployments.start().step("TakeTurn")["decision"] == "wait"
    assert invoke("restore_deployment", handed)["outcome"] == "aborted"
    assert deployments.start().step("TakeTurn")["decision"] == "go"


def test_a_function_that_may_still_write_is_waited_for(world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    world.execution("deployment-1", ended=timedelta(minutes=4))
    soon = {"N": str(datetime.now(UTC).timestamp() + 60)}
    items.change(LEASE, "SET at_work.an_invocation = :soon", soon=soon)
    assert deployments.start(NEXT).step("TakeTurn")["decision"] == "wait"


def test_a_dry_run_that_fails_at_once_is_no_deployment(world: World, deployments: Deployments) -> None:
    """TakeTurn has not answered yet, so only the input says that it is a dry run."""
    before = world.ledger()
    failing = deployments.start(detail={}, dry_run=True)
    assert failing.run() == "DeploymentFailed"
    assert failing.document["restored"]["cause"].startswith("TakeTurn: ")
    assert failing.document["turn"] is None
    assert world.ledger() == before
    assert world.calls.notifications == []


def test_a_dry_run_needs_no_lease(world: World, deployments: Deployments) -> None:
    deployments.start().step("TakeTurn")
    answer = deployments.start(dry_run=True).step("TakeTurn")
    assert (answer["decision"], answer["dry_run"]) == ("go", True)


def test_a_redrive_whose_restore_ends_meanwhile_is_refused(world: World, deployments: Deployments) -> None:
    """TakeTurn has looked into the ledger before the restore of the same execution wrote there."""
    redriven = deployments.start()
    redriven.until("ReadConfig")
    aborted = copy.deepcopy(redriven.document)
    redriven.fail("ExecutionAborted", "the execution was aborted")
    redriven.step("RestoreDeployment")
    redriven.document = aborted
    with pytest.raises(RejectedError, match="has ended before"):
        redriven.step("ReadConfig")
    assert world.calls.writes() == ["events.PutEvents"]


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("first", ["the one that waited", "the redriven one"])
def test_a_refused_redrive_stops_no_other_deployment(first: str, world: World, deployments: Deployments) -> None:
    """It was aborted while it waited behind the same image, and another deployment had waited longer."""
    holder, waited, aborted = deployments.start(), deployments.start(NEXT), deployments.start()
    holder.step("TakeTurn")
    world.execution("deployment-1")
    assert [each.step("TakeTurn")["decision"] for each in (waited, aborted)] == ["wait", "wait"]
    aborted.fail("ExecutionAborted", "the execution was aborted")
    aborted.step("RestoreDeployment")
    holder.fail("RejectedError", "what happened")
    holder.step("RestoreDeployment")
    if first == "the one that waited":
        waited.until("RegisterRevisions")
        world.execution("deployment-2")
    with pytest.raises(RejectedError, match="has ended before"):
        aborted.step("TakeTurn")
    assert waited.until("RegisterRevisions").at == "RegisterRevisions"


def test_what_is_no_push_is_rejected_before_anything_else(world: World, deployments: Deployments) -> None:
    with pytest.raises(RejectedError, match=r'detail\.image-digest is "latest"'):
        deployments.start("latest").step("TakeTurn")
    assert world.calls.made == []


def test_an_input_that_is_too_long_is_rejected_first(world: World, deployments: Deployments) -> None:
    """With 200 KiB and what the steps add, RestoreDeployment could not be handed it."""
    with pytest.raises(RejectedError, match=r"it has 20[45],\d+ characters, it may have 65,536"):
        deployments.start(note="x" * 200 * 1024).step("TakeTurn")
    assert world.calls.made == []


def test_the_event_of_an_execution_that_stopped_may_be_long(world: World, creating: Deployment) -> None:
    """The event holds the input of the execution that was stopped, each quote escaped."""
    creating.stop()
    stopped_event = end_of(creating.arn)
    stopped_event["detail"]["input"] = "x" * 120 * 1024
    assert Deployment(world, "restorer", stopped_event, datetime.now(UTC)).step("TakeTurn")["decision"] == "restore"


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", TransientError), ("AccessDeniedException", RejectedError)]
)
def test_what_dynamodb_refuses_has_a_name(
    code: str, error: type[Exception], world: World, deployments: Deployments
) -> None:
    with world.calls.refusing("dynamodb.UpdateItem", code), pytest.raises(error):
        deployments.start().step("TakeTurn")
    assert world.ledger() == {}


def test_the_next_deployment_completes_one_that_was_not_restored(
    world: World, deployments: Deployments, rolling: Deployment
) -> None:
    """The event that it was stopped is lost."""
    rolling.stop(timedelta(minutes=4))
    assert deployments.start().run() == "Deployed"
    ran = (number(world.target(name)["EcsParameters"]["TaskDefinitionArn"]) for name in world.owned_rules())
    images = {world.containers(revision)["app"]["image"] for revision in ran}
    assert images == {IMAGE_URI}
