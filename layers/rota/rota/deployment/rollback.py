"""To which release a rollback goes, what it brings back, and what it bars. Pure but for one look into the bucket."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rota.contract.deployment import Execution, Image, Kind, Origin, Pinned
from rota.deployment import artifacts
from rota.deployment.gates import Bar
from rota.deployment.releases import KEPT, Release
from rota.errors import RejectedError, listed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREVIOUS = "previous"


def live_at(kept: Sequence[Release], at: datetime) -> Release | None:
    """The release that was live at that time; None before the first that is kept. `kept`: the newest first."""
    return next((release for release in kept if release.since <= at), None)


def find_target(kept: Sequence[Release], asked: str, started_at: datetime) -> Release:
    """The release to go back to. `previous` is the newest that differs in its image or its schedule file from what was
    live when the rollback was started: what goes live while it waits does not change it.

    RejectedError if it is not kept.
    """
    if not kept:
        raise RejectedError("no release is kept yet, so there is none to roll back to; deploy an image instead")
    if asked != PREVIOUS:
        found = next((release for release in kept if release.name == asked), None)
        if found:
            return found
        raise RejectedError(
            f"there is no release {asked} to roll back to: of the last {KEPT} releases, which are kept, there are "
            f"{listed([release.name for release in kept])}. Deploy its image instead, with the kind {Kind.IMAGE}"
        )
    live = live_at(kept, started_at) or kept[-1]
    for release in kept:
        if release.number < live.number and release.content != live.content:
            return release
    raise RejectedError(f"there is no release before {live.name} that differs from it")


def bars_of(kept: Sequence[Release], target: Release, execution: Execution, origin: Origin) -> tuple[Bar, ...]:
    """A bar for each image that was live after the target."""
    newer = {each.digest: each for each in reversed(kept) if each.number > target.number}
    return tuple(
        Bar(
            digest=each.digest,
            tag=each.tag,
            release=each.name,
            execution=execution.id,
            by=origin.by,
            reason=origin.reason,
        )
        for each in newer.values()
        if each.digest != target.digest
    )


def pinned(target: Release) -> Pinned:
    """What the rollback brings back beside the image. RejectedError if that is not known."""
    if target.plan is None:
        raise RejectedError(f"it is not recorded which plan {target.name} had; {_instead(target)}")
    return Pinned(name=target.name, schedule=target.schedule, plan=target.plan, revisions=target.revisions)


def require(s3: "S3Client", bucket: str, target: Release) -> None:
    """RejectedError if the schedule file or the plan of that release is gone, with both if both are."""
    gone = list(_gone(s3, bucket, target))
    if gone:
        raise RejectedError(f"of {target.name} {' and '.join(gone)} is gone from the bucket; {_instead(target)}")


def remark(target: Release, live: Release | None, bars: Sequence[Bar]) -> str:
    """What the plan's summary says of a rollback: what it bars, and how it is undone."""
    barred = f", barred until a person lifts that: {listed([f'{bar.release} {bar.digest}' for bar in bars])}"
    done = f"brings back {target.name}{barred if bars else ''}"
    if live is None:
        return done
    undo = json.dumps({"kind": Kind.ROLLBACK, "release": live.name})
    return f"{done}; to undo it: rota rollback {live.name}, or start {undo}"


def image_of(target: Release, repository: str) -> Image:
    """The image of a release."""
    return Image(repository=repository, digest=target.digest, tag=target.tag)


def _instead(target: Release) -> str:
    return f'roll back with "image_only": true, or deploy its image, {target.digest}, with the schedule file of today'


def _gone(s3: "S3Client", bucket: str, target: Release) -> Iterator[str]:
    file, plan = target.schedule, target.plan
    if not _is_there(s3, Bucket=bucket, Key=file.key, VersionId=file.version_id):
        yield f"the schedule file ({file.key}, version {file.version_id})"
    if plan and not (
        _is_there(s3, Bucket=bucket, Key=plan.key, VersionId=plan.version_id)
        or _is_there(s3, Bucket=bucket, Key=plan.key)
    ):
        yield f"the plan ({plan.key}, version {plan.version_id})"


def _is_there(s3: "S3Client", **which: str) -> bool:
    try:
        s3.head_object(**which)  # type: ignore[arg-type]  # all of its members that are given are strings
    except ClientError as error:
        if not artifacts.is_gone(error):
            raise
        return False
    return True
