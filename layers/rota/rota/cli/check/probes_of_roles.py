"""The roles: that they exist, whom they trust, and what they may do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rota.cli.check.facts import Facts
from rota.cli.check.model import Finding

_EVENTS, _SCHEDULER, _TASKS = "events.amazonaws.com", "scheduler.amazonaws.com", "ecs-tasks.amazonaws.com"


def events_role(facts: Facts) -> Iterator[Finding]:
    yield _trusted(facts, facts.stack.outputs["EventsRoleArn"], _EVENTS, "role of EventBridge")


def scheduler_role(facts: Facts) -> Iterator[Finding]:
    if role := facts.stack.outputs.get("SchedulerRoleArn"):  # a stack of an earlier version has none
        yield _trusted(facts, role, _SCHEDULER, "role of EventBridge Scheduler")


def task_roles(facts: Facts) -> Iterator[Finding]:
    for role in facts.roles():
        yield _trusted(facts, role, _TASKS, "role of tasks")


def may_start(facts: Facts) -> Iterator[Finding]:
    """Whether the roles of rules and schedules may start the tasks and pass their roles, by IAM's own simulation."""
    outputs = facts.stack.outputs
    for role in filter(None, (outputs["EventsRoleArn"], outputs.get("SchedulerRoleArn"))):
        yield _may_start(facts, role)


def _may_start(facts: Facts, role: str) -> Finding:
    stack = facts.stack
    place = stack.place("ecs")
    cluster = [
        {
            "ContextKeyName": "ecs:cluster",
            "ContextKeyType": "string",
            "ContextKeyValues": [f"{place}:cluster/{stack.cluster}"],
        }
    ]
    exec_, tags = (
        [{"ContextKeyName": name, "ContextKeyType": "string", "ContextKeyValues": [value]}]
        for name, value in (("ecs:enable-execute-command", "true"), ("ecs:CreateAction", "RunTask"))
    )
    passed = [{"ContextKeyName": "iam:PassedToService", "ContextKeyType": "string", "ContextKeyValues": [_TASKS]}]
    asked = [
        ("ecs:RunTask", [f"{place}:task-definition/{stack.family}:1"], cluster),
        ("iam:PassRole", [*facts.roles()], passed),
    ]
    if "exec" in stack.listed("EventsRoleAllows"):
        asked.append(("ecs:RunTask", [f"{place}:task-definition/{stack.family}:1"], cluster + exec_))
    if "tags" in stack.listed("EventsRoleAllows"):
        asked.append(("ecs:TagResource", [f"{place}:task/{stack.cluster}/*"], tags))
    denied = dict.fromkeys(_denied(facts, role, asked))
    name = role.rpartition("/")[2]
    if denied:
        return Finding("right to start tasks", "fail", f"{name} may not {', '.join(denied)}: no job would start")
    return Finding("right to start tasks", "ok", f"{name} may run the family's tasks and pass their roles")


def may_notify(facts: Facts) -> Iterator[Finding]:
    """Whether Sweep may send its mails, by IAM's own simulation: without them no job that fails is reported."""
    role = facts.stack.outputs.get("SweepRoleArn")
    if not role:  # of a stack of an earlier version
        return
    topics = [facts.stack.outputs["NotificationsTopicArn"], facts.stack.parameters.get("ChatTopicArn", "")]
    name = role.rpartition("/")[2]
    if denied := [*_denied(facts, role, [("sns:Publish", [*filter(None, topics)], [])])]:
        words = f"{name} may not {', '.join(denied)}: no job that fails would be reported"
        yield Finding("right to notify", "fail", words)
    else:
        yield Finding("right to notify", "ok", f"{name} may publish on the stack's topics")


def trusts(policy: Mapping[str, Any], service: str) -> bool:
    """Whether a trust policy lets that service assume the role. Pure."""
    statements = policy.get("Statement", [])
    for each in statements if isinstance(statements, list) else [statements]:
        principal = each.get("Principal", {})
        named = principal.get("Service", []) if isinstance(principal, Mapping) else principal
        if each.get("Effect") == "Allow" and service in ([named] if isinstance(named, str) else named):
            return True
    return False


def _denied(facts: Facts, role: str, asked: Sequence[tuple[str, list[str], list[dict[str, Any]]]]) -> Iterator[str]:
    """Of actions, each with its resources and its context, those that IAM would deny the role."""
    for action, resources, context in asked:
        answer = facts.client("iam").simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[action], ResourceArns=resources, ContextEntries=context
        )
        for each in answer["EvaluationResults"]:
            if each["EvalDecision"] != "allowed":
                yield f"{action} on {each.get('EvalResourceName', '*')}"


def _trusted(facts: Facts, arn: str, service: str, name: str) -> Finding:
    role, iam = arn.rpartition("/")[2], facts.client("iam")
    try:
        found = iam.get_role(RoleName=role)["Role"]
    except iam.exceptions.NoSuchEntityException:
        return Finding(name, "fail", f"there is no role {role}: create it, or correct the stack's parameters")
    if trusts(found["AssumeRolePolicyDocument"], service):
        return Finding(name, "ok", f"{role} is there and trusts {service}")
    return Finding(name, "fail", f"{role} does not trust {service}: no job would start")
