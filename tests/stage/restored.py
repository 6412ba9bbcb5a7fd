"""What must be seen when a deployment has been put back."""

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.stage.account import Described, account, is_steady, without


def assert_all_is_as_it_was(stage: Client, before: Described) -> None:
    """Rules whole, the service on its old revision and steady; of the new revisions none can be started any more."""
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
    """Rules with their targets in an order of their own; EventBridge promises none."""
    return {
        name: {**rule, "Targets": sorted(rule["Targets"], key=lambda target: str(target["Id"]))}
        for name, rule in rules.items()
    }
