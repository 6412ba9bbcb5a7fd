"""Rota's stack with other parameters."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from stage.client import Client
from stage.cloudformation.sam import with_defaults
from tests.template import TEMPLATE


@contextmanager
def updated(stage: Client, **parameters: str) -> Iterator[set[str]]:
    """While the block runs, with these; the logical IDs of what the change set says that it modifies."""
    cloudformation, before = stage.client("cloudformation"), _parameters(stage)
    given = _given(stage, **before | parameters)
    cloudformation.create_change_set(**given, ChangeSetName="other")
    changes = cloudformation.describe_change_set(StackName="rota", ChangeSetName="other")["Changes"]
    cloudformation.execute_change_set(StackName="rota", ChangeSetName="other")
    try:
        yield {each["ResourceChange"]["LogicalResourceId"] for each in changes}
    finally:
        if _parameters(stage) != before:
            cloudformation.update_stack(**_given(stage, **before))


def update(stage: Client, **parameters: str) -> None:
    """From now on with these, and otherwise as the stage has deployed it."""
    wanted = with_defaults(TEMPLATE, stage.names["parameters"] | parameters)
    if _parameters(stage) != wanted:
        stage.client("cloudformation").update_stack(**_given(stage, **wanted))


def as_given(**parameters: str) -> list[dict[str, str]]:
    """Parameters as CloudFormation's requests have them."""
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]


def _parameters(stage: Client) -> dict[str, str]:
    (stack,) = stage.client("cloudformation").describe_stacks(StackName="rota")["Stacks"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}


def _given(stage: Client, **parameters: str) -> dict[str, object]:
    template = json.dumps(stage.client("cloudformation").get_template(StackName="rota")["TemplateBody"])
    return {"StackName": "rota", "TemplateBody": template, "Parameters": as_given(**parameters)}
