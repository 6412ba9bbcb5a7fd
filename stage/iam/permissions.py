"""What most calls need: one permission, on a resource that the request names or on none."""

from collections.abc import Callable, Mapping
from typing import Any

from stage.iam.evaluation import Permission
from stage.moto.clients import ACCOUNT, REGION

Request = Mapping[str, Any]
Ask = Callable[[Request], list[Permission]]
"""The permissions that a call with this request needs."""


def on(service: str, action: str, resource: Callable[[Request], str]) -> Ask:
    """One permission on one resource of this account, named by the request."""
    return lambda request: [
        Permission(f"{service}:{action}", f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource(request)}")
    ]


def on_arn(action: str, member: str) -> Ask:
    """One permission on the resource whose ARN the request gives."""
    return lambda request: [Permission(action, str(request[member]))]


def anywhere(action: str) -> Ask:
    """One permission of an action that supports no resources, or of a request that names none."""
    return lambda _: [Permission(action, "*")]
