"""The owner of a rule: read from AWS's tag index where its lag is harmless, else from EventBridge."""

from collections import Counter
from typing import Any

import pytest

from rota.errors import ConfigError, RejectedError
from tests.guestbook import ACCOUNT, CLUSTER_ARN, ENVIRONMENT, PREFIX, REGION, arn
from tests.in_process import client
from tests.steps.calls import number
from tests.steps.deployments import NEXT, Deployments
from tests.steps.local_stage import local_stage
from tests.steps.seed import SCHEDULE
from tests.steps.snapshots import once
from tests.steps.world import World

ASKED = "events.ListTagsForResource"
SPAM = PREFIX + "RemoveSpam"
OWNER_TAG = {"Key": "rota:app", "Value": "production/guestbook-api"}


@pytest.fixture
@once
def deployed(world: World, later: Deployments) -> World:
    """Two owned rules that the index lists; the index does not change any more."""
    world.calls.tag_index = local_stage().background.late_reads.tagged()
    world.calls.made.clear()
    return world


def untag() -> None:
    client("events").untag_resource(ResourceARN=client("events").describe_rule(Name=SPAM)["Arn"], TagKeys=["rota:app"])


def replace_by_hand() -> None:
    """A person replaces the rule by one of the same name; the index does not show it."""
    untag()
    other = {"Id": SPAM, "Arn": CLUSTER_ARN, "RoleArn": ENVIRONMENT["EVENTS_ROLE_ARN"]}
    client("events").put_targets(Rule=SPAM, Targets=[other | {"EcsParameters": {"TaskDefinitionArn": arn(1)}}])


def test_only_unlisted_rules_are_asked_for_their_tags(deployed: World, deployments: Deployments) -> None:
    deployments.start().until("FinishDeployment")
    # there is one more rule with the prefix, a foreign one
    assert (deployed.calls.made.count("tagging.GetResources"), deployed.calls.made.count(ASKED)) == (1, 1)


def test_an_empty_index_changes_nothing(deployed: World, deployments: Deployments) -> None:
    deployed.calls.tag_index = {}
    assert deployments.start().run() == "NothingToDo"
    assert deployed.calls.made.count(ASKED) == 3


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(("code", "status"), [("ThrottledException", 400), ("InternalServiceException", 500)])
def test_a_deployment_succeeds_without_the_index(
    code: str, status: int, deployed: World, deployments: Deployments, caplog: pytest.LogCaptureFixture
) -> None:
    with deployed.calls.refusing("tagging.GetResources", code, status=status, count=0):
        deployments.start(NEXT).until("RollService")
    assert "the index of tags does not answer" in caplog.text


def test_a_denied_read_of_the_index_fails_the_deployment(deployed: World, deployments: Deployments) -> None:
    with deployed.calls.refusing("tagging.GetResources", "AccessDeniedException", count=0):
        failed = deployments.start(NEXT)
        assert failed.run() == "DeploymentFailed"
    assert failed.document["restored"]["error"] == "RejectedError"
    assert "GetResources was denied" in failed.document["restored"]["cause"]


def test_a_rule_to_remove_is_asked_for_its_owner(deployed: World, deployments: Deployments) -> None:
    """The index still lists it."""
    untag()
    deployed.upload({"tasks": SCHEDULE["tasks"][:1]})
    before = deployed.rules(SPAM)
    assert deployments.start().run() == "Deployed"
    assert deployed.rules(SPAM) == before


@pytest.mark.exhaustive(first=0)
def test_a_rule_to_change_is_asked_for_its_owner(deployed: World, deployments: Deployments) -> None:
    """The index still lists it."""
    replace_by_hand()
    before = deployed.everything()
    deployment = deployments.start()
    assert deployment.run() == "DeploymentFailed"
    assert f"the rule {SPAM} was untagged by someone else" in deployment.document["restored"]["cause"]
    assert deployed.everything() == before


def test_an_owned_rule_changed_by_hand_is_still_owned(deployed: World, deployments: Deployments) -> None:
    replace_by_hand()
    client("events").tag_resource(ResourceARN=deployed.rules(SPAM)[SPAM]["Arn"], Tags=[OWNER_TAG])
    assert deployments.start().run() == "Deployed"
    assert deployed.target("RemoveSpam")["EcsParameters"]["TaskDefinitionArn"] != arn(1)


@pytest.mark.exhaustive(first=0)
def test_only_targets_are_read_rule_by_rule(deployed: World, deployments: Deployments) -> None:
    target = deployed.target("IngestData")
    tasks = [{"name": f"Task{n}", "task": f"task_{n}", "rate": "1 day"} for n in range(120)]
    for task in tasks:
        rule = {"Name": PREFIX + str(task["name"]), "ScheduleExpression": "rate(1 day)", "Tags": [OWNER_TAG]}
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
    """The stack's parameter RulePrefix was changed."""
    monkeypatch.setenv("RULE_PREFIX", "prod__")
    return deployed


def test_owned_rules_under_a_former_prefix_are_a_problem(renamed: World, deployments: Deployments) -> None:
    before = renamed.everything()
    with pytest.raises(RejectedError, match=f"RulePrefix, prod__: {PREFIX}IngestData, {SPAM}"):
        deployments.start().until("PlanDeployment")
    assert renamed.everything() == before


def test_a_deleted_rule_that_the_index_still_lists_is_no_problem(renamed: World, deployments: Deployments) -> None:
    for name in (SPAM, PREFIX + "IngestData"):
        client("events").remove_targets(Rule=name, Ids=[name])
        client("events").delete_rule(Name=name)
    assert deployments.start().run() == "Deployed"


@pytest.mark.exhaustive(first=0)
def test_the_steps_in_that_message_lead_to_another_prefix(
    deployed: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.upload({"tasks": []})
    assert deployments.start().run() == "Deployed"
    monkeypatch.setenv("RULE_PREFIX", "prod__")
    deployed.upload(SCHEDULE)
    assert deployments.start().run() == "Deployed"
    assert sorted(deployed.owned_rules()) == ["prod__IngestData", "prod__RemoveSpam"]


@pytest.mark.exhaustive(first=0)
def test_a_rule_that_was_untagged_keeps_its_revision(world: World, later: Deployments) -> None:
    world.upload({"tasks": [*SCHEDULE["tasks"], {"name": "Late", "task": "late_task", "rate": "1 day"}]})
    assert later.start().run() == "Deployed"
    runs = world.target("Late")["EcsParameters"]["TaskDefinitionArn"]
    rule = client("events").describe_rule(Name=PREFIX + "Late")["Arn"]
    client("events").untag_resource(ResourceARN=rule, TagKeys=["rota:app"])
    world.upload(SCHEDULE)
    assert later.start(NEXT).run() == "Deployed"
    assert number(runs) in world.active_revisions()


QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead-letters"


def script_rule(**members: Any) -> None:
    """A rule of a script with the app's tag, which runs a revision of the script's."""
    network = {"awsvpcConfiguration": {"Subnets": ["subnet-1"]}}
    events, rule = client("events"), PREFIX + "IngestData"
    events.put_rule(
        Name=rule, ScheduleExpression="rate(1 day)", Tags=[{"Key": "rota:app", "Value": "production/guestbook-api"}]
    )
    target = {
        "Id": "job",
        "Arn": CLUSTER_ARN,
        "RoleArn": ENVIRONMENT["EVENTS_ROLE_ARN"],
        "EcsParameters": {
            "TaskDefinitionArn": arn(1),
            "NetworkConfiguration": network,
            "PropagateTags": "TASK_DEFINITION",
        },
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 600},
    }
    events.put_targets(Rule=rule, Targets=[target | members])


def test_a_rule_that_is_taken_over_keeps_its_retry_policy_and_queue(
    world: World, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    script_rule(DeadLetterConfig={"Arn": QUEUE})
    with pytest.raises(RejectedError, match="the target of IngestData has PropagateTags: the parameter EventsRoleAllo"):
        deployments.start().until("PlanDeployment")
    monkeypatch.setenv("EVENTS_ROLE_ALLOWS", "tags")
    deployment = deployments.start()
    assert deployment.run() == "Deployed"
    kept = "IngestData keeps of its target: DeadLetterConfig, PropagateTags, RetryPolicy"
    assert kept in deployment.document["plan"]["summary"]
    unseen = "run watching sees no dead letters of IngestData: each has a dead-letter queue of its own"
    assert unseen in deployment.document["plan"]["summary"]
    deployments.start(NEXT).until("RollService")
    assert world.target("IngestData")["RetryPolicy"]["MaximumRetryAttempts"] == 2
    assert world.target("IngestData")["DeadLetterConfig"] == {"Arn": QUEUE}
    assert world.target("IngestData")["EcsParameters"]["PropagateTags"] == "TASK_DEFINITION"


def test_a_retry_policy_of_the_file_goes_with_its_key(world: World, deployments: Deployments) -> None:
    ingest, spam = SCHEDULE["tasks"]
    world.upload({"tasks": [ingest | {"retry": {"attempts": 1, "age": 60}}, spam]})
    assert deployments.start().run() == "Deployed"
    assert world.target("IngestData")["RetryPolicy"]["MaximumRetryAttempts"] == 1
    world.upload(SCHEDULE)
    deployments.start().until("FinishDeployment")
    fitting = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 21_600}
    assert world.target("IngestData")["RetryPolicy"] == fitting


@pytest.mark.exhaustive(first=0)
def test_a_capacity_provider_of_the_file_goes_with_its_key(world: World, deployments: Deployments) -> None:
    ingest, spam = SCHEDULE["tasks"]
    world.upload({"tasks": [ingest | {"capacity_provider": "FARGATE_SPOT"}, spam]})
    with pytest.raises(ConfigError, match=r"tasks\[0\].capacity_provider: the cluster production does not have FARG"):
        deployments.start().until("PlanDeployment")
    client("ecs").put_cluster_capacity_providers(
        cluster="production", capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    assert deployments.start().run() == "Deployed"
    assert world.target("IngestData")["EcsParameters"]["CapacityProviderStrategy"] == [
        {"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}
    ]
    assert "LaunchType" not in world.target("IngestData")["EcsParameters"]
    assert deployments.start().run() == "NothingToDo"
    world.upload(SCHEDULE)
    deployments.start().until("FinishDeployment")
    assert "CapacityProviderStrategy" not in world.target("IngestData")["EcsParameters"]


def test_a_rule_whose_input_cannot_stay_is_not_taken_over(world: World, deployments: Deployments) -> None:
    script_rule(Input='{"taskRoleArn": "another"}')
    before = world.everything()
    with pytest.raises(RejectedError, match=r"the target job of the rule .* has taskRoleArn in its Input"):
        deployments.start().until("PlanDeployment")
    assert world.everything() == before


def test_a_rule_that_moves_to_scheduler_loses_nothing_in_silence(world: World, deployments: Deployments) -> None:
    script_rule(Input='{"taskRoleArn": "another"}')
    before = world.everything()
    ingest, spam = SCHEDULE["tasks"]
    world.upload({"tasks": [ingest | {"window": 1}, spam]})
    with pytest.raises(RejectedError) as raised:
        deployments.start().until("PlanDeployment")
    assert [problem.partition(", which")[0].partition(" has ")[2] for problem in str(raised.value).splitlines()] == [
        "taskRoleArn in its Input",
        "PropagateTags, RetryPolicy",
    ]
    assert world.everything() == before
