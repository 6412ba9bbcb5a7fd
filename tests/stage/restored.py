"""What must hold after a restore."""

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.stage.account import Described, account, is_steady, without


def assert_all_is_as_it_was(stage: Client, before: Described) -> None:
    """All rules are as before, the service runs its former revision and is steady, and no new revision is ACTIVE."""
    wait_for(lambda: is_steady(stage), 30)
    after = account(stage)
    assert in_order(after["rules"]) == in_order(before["rules"])
    rolled = ("currentServiceDeployment",)
    assert without(after["service"], *rolled) == without(before["service"], *rolled)
    assert {arn: after["revisions"][arn] for arn in before["revisions"]} == before["revisions"]
    new = [each for arn, each in after["revisions"].items() if arn not in before["revisions"]]
    assert {each["status"] for each in new} <= {"INACTIVE"}
    assert after["objects"] == before["objects"]


def in_order(rules: Described) -> Described:
    """Rules with sorted targets: EventBridge promises no order."""
    return {
        name: {**rule, "Targets": sorted(rule["Targets"], key=lambda target: str(target["Id"]))}
        for name, rule in rules.items()
    }
