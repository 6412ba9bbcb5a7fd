"""The roles: that they exist, whom they trust, and what they may do."""

from collections.abc import Iterator, Mapping
from typing import Any

from rota.cli.check.facts import Facts
from rota.cli.check.model import Finding

_EVENTS, _TASKS = "events.amazonaws.com", "ecs-tasks.amazonaws.com"


def events_role(facts: Facts) -> Iterator[Finding]:
    yield _trusted(facts, facts.stack.outputs["EventsRoleArn"], _EVENTS, "role of EventBridge")


def task_roles(facts: Facts) -> Iterator[Finding]:
    for role in facts.roles():
        yield _trusted(facts, role, _TASKS, "role of tasks")


def may_start(facts: Facts) -> Iterator[Finding]:
    """Whether EventBridge's role may start the tasks and pass their roles, by IAM's own simulation."""
    stack = facts.stack
    role = stack.outputs["EventsRoleArn"]
    partition = role.split(":")[1]
    place = f"arn:{partition}:ecs:{stack.region}:{stack.account}"
    cluster = [
        {
            "ContextKeyName": "ecs:cluster",
            "ContextKeyType": "string",
            "ContextKeyValues": [f"{place}:cluster/{stack.cluster}"],
        }
    ]
    passed = [{"ContextKeyName": "iam:PassedToService", "ContextKeyType": "string", "ContextKeyValues": [_TASKS]}]
    asked = (
        ("ecs:RunTask", [f"{place}:task-definition/{stack.family}:1"], cluster),
        ("iam:PassRole", [*facts.roles()], passed),
    )
    denied: list[str] = []
    for action, resources, context in asked:
        answer = facts.client("iam").simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[action], ResourceArns=resources, ContextEntries=context
        )
        results = [each for each in answer["EvaluationResults"] if each["EvalDecision"] != "allowed"]
        denied += [f"{action} on {each.get('EvalResourceName', '*')}" for each in results]
    name = role.rpartition("/")[2]
    if denied:
        yield Finding("right to start tasks", "fail", f"{name} may not {', '.join(denied)}: no job would start")
    else:
        yield Finding("right to start tasks", "ok", f"{name} may run the family's tasks and pass their roles")


def trusts(policy: Mapping[str, Any], service: str) -> bool:
    """Whether a trust policy lets that service assume the role. Pure."""
    statements = policy.get("Statement", [])
    for each in statements if isinstance(statements, list) else [statements]:
        principal = each.get("Principal", {})
        named = principal.get("Service", []) if isinstance(principal, Mapping) else principal
        if each.get("Effect") == "Allow" and service in ([named] if isinstance(named, str) else named):
            return True
    return False


def _trusted(facts: Facts, arn: str, service: str, name: str) -> Finding:
    role, iam = arn.rpartition("/")[2], facts.client("iam")
    try:
        found = iam.get_role(RoleName=role)["Role"]
    except iam.exceptions.NoSuchEntityException:
        return Finding(name, "fail", f"there is no role {role}: create it, or correct the stack's parameters")
    if trusts(found["AssumeRolePolicyDocument"], service):
        return Finding(name, "ok", f"{role} is there and trusts {service}")
    return Finding(name, "fail", f"{role} does not trust {service}: no job would start")
