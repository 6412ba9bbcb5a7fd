"""What the live deployment stored about its revisions, so that the next one need not read them, and what a release did
that is brought back.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError
from pydantic import Field, ValidationError

from rota.aws.errors import is_denied
from rota.aws.parallel import thread_pool
from rota.contract.deployment import Stored
from rota.deployment import artifacts
from rota.deployment.items import Item
from rota.deployment.releases import Releases
from rota.ecs import arns
from rota.ecs.arns import Ranges
from rota.ecs.fingerprint import ALGORITHM
from rota.ecs.task_definitions import Revision
from rota.errors import RejectedError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from rota.contract.deployment import Pinned
    from rota.settings import Settings


class _Planned(Item):
    """What is read of a plan: its schedules are most of it, and are read from EventBridge."""

    algorithm: int
    reused: dict[str, str]
    retry_policy_set_by_rota: tuple[str, ...] | None = Field(None, alias="retried")
    set_by_keys: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    said_of_revisions: dict[str, dict[str, str]] = Field(default_factory=dict)
    own_numbers: dict[str, Ranges] = Field(default_factory=dict)


class _OfARelease(_Planned):
    """What is read of a release's plan to bring it back."""

    base: Revision


class _Registered(Item):
    revisions: dict[str, str]


class LiveArtifacts(NamedTuple):
    """What is read of the live deployment's artifacts. `revisions`: fingerprints by ARN of those that it registered or
    used again; a revision never changes. `retry_policy_set`: the names of the schedules whose retry policy it set; None
    if unknown; `set_by_keys`: what else keys of its file set of each, and
    `said_of_revisions` what they said of its revision. `base` is that of the release that is brought
    back; None if none is. `own_numbers`: of the revisions that it and deployments before it registered, as
    `arns.with_numbers_of` answers them.
    """

    revisions: dict[str, str]
    retry_policy_set: tuple[str, ...] | None = None
    base: Revision | None = None
    set_by_keys: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    said_of_revisions: Mapping[str, dict[str, str]] = MappingProxyType({})
    own_numbers: Mapping[str, Ranges] = MappingProxyType({})


def live_revisions(dynamodb: "DynamoDBClient", s3: "S3Client", settings: "Settings") -> LiveArtifacts:
    """What the live deployment stored about its revisions and schedules.

    Whether they are ACTIVE and in use it does not say. Empty where there is no such record, or it has expired, or
    another version of Rota wrote it, whose fingerprints or plans differ: then the revisions are to be read themselves.
    """
    try:
        live = Releases(dynamodb, settings.table, settings.app).read()
        if live is None or live.live_plan is None:
            return LiveArtifacts({})
        with thread_pool() as pool:
            planning = pool.submit(artifacts.read_bytes, s3, settings.bucket, live.live_plan)
            registered = artifacts.read_bytes(s3, settings.bucket, live.live_revisions) if live.live_revisions else None
        plan = _Planned.model_validate_json(planning.result())
        if plan.algorithm != ALGORITHM:
            return LiveArtifacts({})
        revisions = _Registered.model_validate_json(registered).revisions if registered else {}
    except (ClientError, ValidationError) as error:
        # Objects expire with the ledger's entries, and a person may delete them. What S3 does not give, or denies, is
        # read from ECS: that takes longer, and fails nothing.
        if isinstance(error, ClientError) and not (artifacts.is_gone(error) or is_denied(error)):
            raise
        Logger(child=True).warning(
            "the stored revisions of the live deployment cannot be used; they are read from ECS", exc_info=True
        )
        return LiveArtifacts({})
    fingerprints = {arn: fingerprint for fingerprint, arn in (plan.reused | revisions).items()}
    return LiveArtifacts(
        fingerprints,
        plan.retry_policy_set_by_rota,
        set_by_keys=plan.set_by_keys,
        said_of_revisions=plan.said_of_revisions,
        own_numbers=arns.with_numbers_of(fingerprints, plan.own_numbers),
    )


def recorded_by(s3: "S3Client", bucket: str, stored: Stored, pinned: "Pinned", live: LiveArtifacts) -> LiveArtifacts:
    """What is live, with the base and the revisions of a release that is brought back. `stored`: its plan.

    RejectedError if its plan is gone, or another version of Rota wrote it; its schedule file is read elsewhere.
    """
    try:
        plan = _OfARelease.model_validate_json(artifacts.read_kept(s3, bucket, stored))
    except (ClientError, ValidationError) as error:
        if isinstance(error, ClientError) and not artifacts.is_gone(error):
            raise
        gone = isinstance(error, ClientError)
        raise RejectedError(
            f"the plan of {pinned.name}, {stored.key}, {'is gone from the bucket' if gone else 'cannot be read'}, "
            'so its base is not known; roll back with "image_only": true'
        ) from error
    revisions = dict(live.revisions)
    if plan.algorithm == ALGORITHM:
        registered = _registered_by(s3, bucket, pinned.revisions) if pinned.revisions else {}
        revisions |= {arn: fingerprint for fingerprint, arn in (plan.reused | registered).items()}
    return live._replace(revisions=revisions, base=plan.base)


def _registered_by(s3: "S3Client", bucket: str, revisions: Stored) -> dict[str, str]:
    """ARNs by fingerprint of what a release registered; empty if that is gone: then it is registered again."""
    try:
        return _Registered.model_validate_json(artifacts.read_kept(s3, bucket, revisions)).revisions
    except ClientError as error:
        if not artifacts.is_gone(error):
            raise
        return {}
