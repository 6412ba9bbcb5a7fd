"""Evaluates a permission against the statements of a role: an explicit deny wins, else one allow is enough.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stage.iam.conditions import Context, holds, matches


@dataclass(frozen=True)
class Permission:
    """An action on a resource. AWS checks it before it carries a call out; some calls need several."""

    action: str
    """`events:PutRule`."""
    resource: str
    """An ARN, or * for an action without resources."""
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, and its place."""

    role: str
    policy: str
    number: int
    """Its position in the policy, from 0."""
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.role}/{self.policy}[{self.number}]"

    def covers(self, permission: Permission) -> bool:
        """Whether it applies to this permission. Raises UnknownConditionError."""
        return (
            any(matches(action.lower(), permission.action.lower()) for action in self.actions)
            and any(matches(resource, permission.resource) for resource in self.resources)
            and holds(self.condition, permission.context)
        )

    def grants(self) -> Iterator["Statement"]:
        """The statement split into its smallest parts: one for each action on each resource."""
        for action in self.actions:
            for resource in self.resources:
                yield replace(self, actions=(action,), resources=(resource,))


@dataclass(frozen=True)
class Decision:
    """Whether a permission is allowed, and the statement that decides. Denied without one: no statement allows it."""

    allowed: bool
    statement: Statement | None = None


def decide(statements: Iterable[Statement], permission: Permission) -> Decision:
    """Evaluate one permission. Raises UnknownConditionError for a condition that cannot be evaluated."""
    covering = [statement for statement in statements if statement.covers(permission)]
    denying = next((statement for statement in covering if statement.effect == "Deny"), None)
    if denying or not covering:
        return Decision(allowed=False, statement=denying)
    return Decision(allowed=True, statement=covering[0])
