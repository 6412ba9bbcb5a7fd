"""Every statement of the template's roles is needed: without it a deployment goes worse."""

from collections import Counter

import pytest

from examples.guestbook.client import Client
from stage.client import StageError
from stage.iam.evaluation import Statement
from tests.share import is_drawn
from tests.stage import audit, scenarios
from tests.stage.account import history, states

pytestmark = pytest.mark.permissions
STRAIGHT = "an execution needed no restore"
BY_HAND = "a person was asked to restore"
_TRIES = 3


def went_well(stage: Client) -> Counter[str]:
    """How often each good outcome is visible in a scenario."""
    executions = [stage.wait(execution) for execution in stage.executions()]
    ended = [each for each in executions if each["status"] != "ABORTED"]  # the scenario stopped the others
    records = history(stage)
    published = [call for call in stage.calls("events", "PutEvents") if call["error"] is None]
    ran = stage.client("ecs").list_tasks(cluster=stage.names["cluster"], desiredStatus="STOPPED")["taskArns"]
    return Counter(
        {
            "an execution succeeded": sum(each["status"] == "SUCCEEDED" for each in ended),
            STRAIGHT: sum("RestoreDeployment" not in states(stage, each) for each in ended),
            "the schedule's author was asked to act": sum(each.get("error") == "ConfigError" for each in ended),
            "what a rollback lacks was named": sum(
                "is gone from the bucket" in each.get("cause", "") for each in ended
            ),
            BY_HAND: sum("trying again does not help" in each.get("cause", "") for each in ended),
            "the ledger has an entry": len(records),
            "an entry has the steps' durations": sum(bool(each.get("durations")) for each in records),
            "the outcome was published": len(published),
            "a scheduled task ran": len(ran),
            "a run was recorded": len(scenarios.runs(stage)),
            **{f"Sweep could {operation}": number for operation, number in by_sweep(stage).items()},
            **{f"where {caller} logs was read": number for caller, number in of_one_offs(stage).items()},
            "a task was stopped": sum(call["error"] is None for call in stage.calls("ecs", "StopTask")),
        }
    )


def by_sweep(stage: Client) -> Counter[str]:
    """The calls with which Sweep learned something, or reported it."""
    operations = {"Publish", "PutEvents", "DescribeRule", "ListTargetsByRule", "DescribeTaskDefinition", "GetObject"}
    operations |= {"DescribeImages", "GetSchedule", "UpdateSchedule"}
    calls = [call for call in stage.calls() if call["caller"] == "Sweep" and call["error"] is None]
    return Counter(call["operation"] for call in calls if call["operation"] in operations)


def of_one_offs(stage: Client) -> Counter[str]:
    """How often the log was looked for of a migration or a smoke test that had failed."""
    calls = [call for call in stage.calls("ecs", "DescribeTaskDefinition") if call["error"] is None]
    return Counter(call["caller"] for call in calls if call["caller"] in ("RunBefore", "RunAfter"))


def missed(stage: Client, statement: Statement, scenario: scenarios.Scenario, whole: Counter[str]) -> bool:
    """Whether the scenario ends worse without the statement, because its role was denied an action."""
    # A denied restore is retried for hours.
    time_scale = 0.0001 if "RestoreDeployment" in statement.role else 0.01
    with audit.without(stage, statement):
        try:
            scenarios.play(stage, scenario, time_scale)
        except (TimeoutError, StageError):  # a push started no deployment, or a rule to fire was not created
            scenarios.wait_for_all(stage)
        denied = {each["caller"].split("/")[1] for each in stage.permissions() if not each["allowed"]}
        return denied == {statement.role} and bool(whole - went_well(stage))


def test_every_statement_is_needed(one_stage: Client, pytestconfig: pytest.Config) -> None:
    asked, whole = {}, {}
    for scenario in scenarios.ALL:
        asked[scenario] = audit.asked(scenarios.play(one_stage, scenario))
        whole[scenario] = went_well(one_stage)
    # The shortest scenario that needs the statement, if possible a deployment that succeeds otherwise.
    best_first = sorted(
        scenarios.ALL,
        key=lambda each: (whole[each][BY_HAND], whole[each][STRAIGHT] == 0, sum(map(len, asked[each].values()))),
    )
    idle = []
    for role, statements in audit.statements(one_stage).items():
        for statement in statements:
            on_aws_alone = set(statement.actions) <= set(audit.ON_AWS_ALONE)
            if on_aws_alone or not is_drawn(pytestconfig, f"{role} {statement.actions}"):
                continue
            needing = [each for each in best_first if audit.needs(statements, statement, asked[each].get(role, ()))]
            # A restore may succeed although one of its calls is denied: then another scenario shows it.
            if not any(missed(one_stage, statement, each, whole[each]) for each in needing[:_TRIES]):
                idle.append((str(statement), statement.actions, needing[:_TRIES]))
    assert idle == []
