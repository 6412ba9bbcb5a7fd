"""The statements of a role's policies, as moto keeps them."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import Role, iam_backends

from stage.iam.conditions import holds
from stage.iam.evaluation import Statement
from stage.moto.clients import ACCOUNT

READ = {"Sid", "Effect", "Action", "Resource", "Condition"}


class UnknownElementError(Exception):
    """A policy has an element that the stage cannot evaluate, such as NotAction."""


def role(name: str) -> Role | None:
    """The role of this name, without its path; None when there is none."""
    try:
        return iam_backends[ACCOUNT]["aws"].get_role(name)
    except NotFoundException:
        return None


def of_role(found: Role) -> list[Statement]:
    """All statements of a role's inline and attached policies. Raises UnknownElementError."""
    documents: list[tuple[str, Any]] = list(found.policies.items())
    for policy in found.managed_policies.values():
        documents += [(policy.name, version.document) for version in policy.versions if version.is_default]
    return [
        statement
        for name, document in documents
        for statement in _read_once(found.name, name, document if isinstance(document, str) else json.dumps(document))
    ]


@lru_cache(maxsize=256)
def _read_once(role_name: str, policy: str, text: str) -> tuple[Statement, ...]:
    """A cache of `read`, because every call that a role signs needs its policies."""
    return tuple(read(role_name, policy, text))


def read(role_name: str, policy: str, document: str | Mapping[str, Any]) -> Iterator[Statement]:
    """The statements of one policy document, which is JSON or parsed. Raises UnknownElementError."""
    parsed = json.loads(document) if isinstance(document, str) else document
    for number, statement in enumerate(_listed(parsed["Statement"])):
        if unknown := set(statement) - READ:
            raise UnknownElementError(f"the stage does not know {', '.join(unknown)} in {policy} of {role_name}")
        yield Statement(
            role=role_name,
            policy=policy,
            number=number,
            effect=statement["Effect"],
            actions=tuple(_listed(statement["Action"])),
            resources=tuple(_listed(statement["Resource"])),
            condition=statement.get("Condition", {}),
        )


def trusts(found: Role, service: str, source: Mapping[str, str | None]) -> bool:
    """Whether an AWS service may assume the role. `source` has aws:SourceAccount and aws:SourceArn."""
    document = found.assume_role_policy_document
    parsed = json.loads(document) if isinstance(document, str) else document
    return any(
        statement["Effect"] == "Allow"
        and "sts:AssumeRole" in _listed(statement["Action"])
        and service in _listed(statement["Principal"].get("Service", []))
        and holds(statement.get("Condition", {}), source)
        for statement in _listed(parsed["Statement"])
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
