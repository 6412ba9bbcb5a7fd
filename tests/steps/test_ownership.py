"""Who owns a rule: AWS's index of tags says it where that is safe, although it lags, and else EventBridge."""

from collections import Counter

import pytest

from rota.errors import RejectedError
from stage.eventbridge import tag_index
from tests.guestbook import CLUSTER_ARN, ENVIRONMENT, PREFIX, arn
from tests.steps.calls import number
from tests.steps.deployments import NEXT, Deployments
from tests.steps.moment import once
from tests.steps.world import SCHEDULE, World, client

ASKED = "events.ListTagsForResource"
SPAM = PREFIX + "RemoveSpam"
OURS = {"Key": "rota:app", "Value": "production/guestbook-api"}


@pytest.fixture
@once
def deployed(world: World, later: Deployments) -> World:
    """Two rules of ours, which the index lists; it stops there."""
    world.calls.tag_index = tag_index.tagged()
    world.calls.made.clear()
    return world


def untag() -> None:
    client("events").untag_resource(ResourceARN=client("events").describe_rule(Name=SPAM)["Arn"], TagKeys=["rota:app"])


def replace_by_hand() -> None:
    """Somebody removes the rule and makes one of the same name, of which the index does not know."""
    untag()
    other = {"Id": SPAM, "Arn": CLUSTER_ARN, "RoleArn": ENVIRONMENT["EVENTS_ROLE_ARN"]}
    client("events").put_targets(Rule=SPAM, Targets=[other | {"EcsParameters": {"TaskDefinitionArn": arn(1)}}])


def test_only_a_rule_that_is_not_listed_is_asked(deployed: World, deployments: Deployments) -> None:
    deployments.start().until("FinishDeployment")
    # there is one more rule with the prefix, a foreign one
    assert (deployed.calls.made.count("tagging.GetResources"), deployed.calls.made.count(ASKED)) == (1, 1)


def test_an_index_that_knows_nothing_yet_changes_nothing(deployed: World, deployments: Deployments) -> None:
    deployed.calls.tag_index = {}
    assert deployments.start().run() == "NothingToDo"
    assert deployed.calls.made.count(ASKED) == 3


@pytest.mark.parametrize(("code", "status"), [("ThrottledException", 400), ("InternalServiceException", 500)])
def test_an_index_that_does_not_answer_keeps_nobody_from_deploying(
    code: str, status: int, deployed: World, deployments: Deployments, caplog: pytest.LogCaptureFixture
) -> None:
    deployed.push(NEXT, "next")
    with deployed.calls.refusing("tagging.GetResources", code, status=status, count=0):
        assert deployments.start(NEXT).run() == "Deployed"
    assert "the index of tags does not answer" in caplog.text


def test_an_index_that_may_not_be_asked_is_for_the_operator_to_mend(deployed: World, deployments: Deployments) -> None:
    deployed.push(NEXT, "next")
    with deployed.calls.refusing("tagging.GetResources", "AccessDeniedException", count=0):
        failed = deployments.start(NEXT)
        assert failed.run() == "DeploymentFailed"
    assert failed.document["restored"]["error"] == "RejectedError"
    assert "GetResources was denied" in failed.document["restored"]["cause"]


def test_a_rule_that_leaves_is_asked_for_its_owner(deployed: World, deployments: Deployments) -> None:
    """The index still lists it."""
    untag()
    deployed.upload({"tasks": SCHEDULE["tasks"][:1]})
    before = deployed.rules(SPAM)
    assert deployments.start().run() == "Deployed"
    assert deployed.rules(SPAM) == before


def test_a_rule_that_changes_is_asked_for_its_owner(deployed: World, deployments: Deployments) -> None:
    """The index still lists it."""
    replace_by_hand()
    before = deployed.everything()
    ours = deployments.start()
    assert ours.run() == "DeploymentFailed"
    assert f"the rule {SPAM} was untagged by someone else" in ours.document["restored"]["cause"]
    assert deployed.everything() == before


def test_a_rule_of_ours_that_was_changed_by_hand_is_still_ours(deployed: World, deployments: Deployments) -> None:
    replace_by_hand()
    client("events").tag_resource(ResourceARN=deployed.rules(SPAM)[SPAM]["Arn"], Tags=[OURS])
    assert deployments.start().run() == "Deployed"
    assert deployed.target("RemoveSpam")["EcsParameters"]["TaskDefinitionArn"] != arn(1)


def test_only_the_targets_are_read_one_rule_at_a_time(deployed: World, deployments: Deployments) -> None:
    target = deployed.target("IngestData")
    tasks = [{"name": f"Task{n}", "task": f"task_{n}", "rate": "1 day"} for n in range(120)]
    for task in tasks:
        rule = {"Name": PREFIX + str(task["name"]), "ScheduleExpression": "rate(1 day)", "Tags": [OURS]}
        client("events").put_rule(**rule)
        client("events").put_targets(Rule=rule["Name"], Targets=[target])
    deployed.upload({"tasks": [*SCHEDULE["tasks"], *tasks]})
    deployed.calls.tag_index = None
    deployments.start().until("RegisterRevisions")
    read = Counter(call for call in deployed.calls.made if call.startswith(("events.List", "tagging.")))
    # in pages of a hundred; one rule with the prefix is foreign
    assert read == {"events.ListRules": 2, "tagging.GetResources": 2, "events.ListTargetsByRule": 122, ASKED: 1}


@pytest.fixture
def renamed(deployed: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Somebody has changed the stack's parameter RulePrefix."""
    monkeypatch.setenv("RULE_PREFIX", "prod__")
    return deployed


def test_rules_of_ours_under_a_former_prefix_are_a_fault(renamed: World, deployments: Deployments) -> None:
    before = renamed.everything()
    with pytest.raises(RejectedError, match=f"RulePrefix, prod__: {PREFIX}IngestData, {SPAM}"):
        deployments.start().until("PlanDeployment")
    assert renamed.everything() == before


def test_a_rule_of_a_former_prefix_that_only_the_index_remembers_is_no_fault(
    renamed: World, deployments: Deployments
) -> None:
    for name in (SPAM, PREFIX + "IngestData"):
        client("events").remove_targets(Rule=name, Ids=[name])
        client("events").delete_rule(Name=name)
    assert deployments.start().run() == "Deployed"


def test_the_way_that_the_fault_tells_leads_to_another_prefix(
    deployed: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.upload({"tasks": []})
    assert deployments.start().run() == "Deployed"
    monkeypatch.setenv("RULE_PREFIX", "prod__")
    deployed.upload(SCHEDULE)
    assert deployments.start().run() == "Deployed"
    assert sorted(deployed.our_rules()) == ["prod__IngestData", "prod__RemoveSpam"]


def test_a_rule_that_was_taken_out_of_our_hands_keeps_its_revision(world: World, later: Deployments) -> None:
    world.upload({"tasks": [*SCHEDULE["tasks"], {"name": "Late", "task": "late_task", "rate": "1 day"}]})
    assert later.start().run() == "Deployed"
    runs = world.target("Late")["EcsParameters"]["TaskDefinitionArn"]
    rule = client("events").describe_rule(Name=PREFIX + "Late")["Arn"]
    client("events").untag_resource(ResourceARN=rule, TagKeys=["rota:app"])
    world.upload(SCHEDULE)
    world.push(NEXT, "next")
    assert later.start(NEXT).run() == "Deployed"
    assert number(runs) in world.active_revisions()
