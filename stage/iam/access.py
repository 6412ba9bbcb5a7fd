"""Checks the permissions of every call that is signed with a role's credentials, and keeps a record."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.iam.models import Role
from moto.sts.models import sts_backends

from stage.gateway import refusals
from stage.gateway.calls import STEP_FUNCTIONS, Call, Reply
from stage.iam import policies
from stage.iam.actions import bucket_listing_for, needed_by
from stage.iam.evaluation import Decision, Permission, decide
from stage.moto.clients import ACCOUNT

KEPT = 100_000
EVENTBRIDGE = "events.amazonaws.com"


@dataclass(frozen=True)
class Caller:
    """A session of a role. On the stage a session has the name of its function or service."""

    role: Role
    session: str

    @property
    def arn(self) -> str:
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role.name}/{self.session}"


class Access:
    """A hook that denies what the caller's role does not allow, with the called service's error code."""

    def __init__(self) -> None:
        self._records: deque[tuple[str, Permission, Decision]] = deque(maxlen=KEPT)

    def before(self, call: Call) -> Reply | None:
        caller = _caller(call)
        denied = self._first_denied(caller, needed_by(call)) if caller else None
        return refusals.denied(call, denied) if denied else _unusable_role(call)

    def after(self, call: Call, reply: Reply) -> Reply | None:
        """S3 reveals that a key or a version does not exist only to callers who may list the bucket."""
        # An answer to HeadObject has no body, so its status is the error.
        gone = ("404",) if call.key == ("s3", "HeadObject") else ("NoSuchKey", "NoSuchVersion")
        if reply.error not in gone or (caller := _caller(call)) is None:
            return None
        denied = self._first_denied(caller, bucket_listing_for(call))
        return refusals.denied(call, denied) if denied else None

    def as_service(
        self, service: str, role_arn: str, source: Mapping[str, str | None], needed: Iterable[Permission]
    ) -> None:
        """Check that a role trusts an AWS service and has all these permissions.

        `source` names the resource for which the service acts: aws:SourceArn and aws:SourceAccount. Raises moto's
        ServiceException with AccessDeniedException.
        """
        role = policies.role(role_arn.rpartition("/")[2])
        if role is None or not policies.trusts(role, service, source):
            raise ServiceException("AccessDeniedException", f"{service} is unable to assume role {role_arn}")
        if denied := self._first_denied(Caller(role, service.partition(".")[0]), needed):
            raise ServiceException("AccessDeniedException", denied)

    def records(self) -> list[dict[str, Any]]:
        """Every permission that was checked, in order, as `GET /_stage/iam` shows it."""
        return [
            {
                "caller": caller,
                "action": permission.action,
                "resource": permission.resource,
                "context": dict(permission.context),
                "allowed": decision.allowed,
                "statement": decision.statement and str(decision.statement),
            }
            for caller, permission, decision in list(self._records)
        ]

    def clear(self) -> None:
        """Forget all records."""
        self._records.clear()

    def _first_denied(self, caller: Caller, needed: Iterable[Permission]) -> str | None:
        """AWS's message about the first missing permission; None when there is none."""
        statements = policies.of_role(caller.role)
        for permission in needed:
            decision = decide(statements, permission)
            self._records.append((caller.arn, permission, decision))
            if not decision.allowed:
                return _message(caller, permission, decision)
        return None


def _caller(call: Call) -> Caller | None:
    """The caller's role; None for a user, who is an administrator."""
    acting, _, role_name = call.access_key.partition(":")
    session = STEP_FUNCTIONS
    if acting != STEP_FUNCTIONS:
        assumed = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(call.access_key)
        if assumed is None:
            return None
        role_name, session = assumed.role_arn.rpartition("/")[2], assumed.session_name
    role = policies.role(role_name)
    return Caller(role, session) if role else None


def _unusable_role(call: Call) -> Reply | None:
    """PutRule refuses a role that EventBridge may not assume."""
    arn = call.params.get("RoleArn") if call.key == ("events", "PutRule") else None
    if arn is None:
        return None
    found = policies.role(str(arn).rpartition("/")[2])
    if found and policies.trusts(found, EVENTBRIDGE, {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": None}):
        return None
    words = f"Provided role '{arn}' cannot be assumed by principal '{EVENTBRIDGE}'."
    return Reply.refusal(call, "ValidationException", words)


def _message(caller: Caller, permission: Permission, decision: Decision) -> str:
    """docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    because = (
        "with an explicit deny in an identity-based policy"
        if decision.statement
        else f"because no identity-based policy allows the {permission.action} action"
    )
    return (
        f"User: {caller.arn} is not authorized to perform: {permission.action} on resource: {permission.resource} "
        f"{because}"
    )
