"""A schedule file that was uploaded without an image: it is deployed a little later, unless an image is before."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rota.contract.deployment import Decision, Execution, Verdict
from rota.deployment.gates import Gates, PendingSchedule
from rota.schedule_file.s3 import each_image_has_its_own, without_image
from rota.times import minute

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from rota.deployment.lease.item import LeaseItem, LeaseTable
    from rota.deployment.upload_event import Upload
    from rota.settings import Settings

# So long a push may take that was built from the same commit: it deploys the file with the image that it was made for.
_WAITS = timedelta(minutes=2)
DEPLOYED_BY = "deployed-by"
"""Metadata of a version that whoever uploaded it deploys, too."""


def defer(table: "LeaseTable", execution: Execution, upload: "Upload") -> Verdict:
    """Let it be deployed in two minutes, in place of one that was uploaded before; a later one stays.

    TransientError if others change the gates, too, each time that this is tried.
    """
    # An event whose time is to come would be newer than all that is uploaded until then; it has whole seconds, too.
    at = min(upload.at, execution.started_at.replace(microsecond=0))
    pending = PendingSchedule(
        order=upload.model_copy(update={"at": at}).order,
        origin=upload.origin,
        schedule=upload.file,
        execution=execution.id,
        due=execution.started_at + _WAITS,
    )

    def replace_older(lease: "LeaseItem") -> Gates:
        before = lease.gate.pending_schedule
        is_newer = before is None or before.order < pending.order
        return lease.gate.model_copy(update={"pending_schedule": pending}) if is_newer else lease.gate

    gates = table.change_gates(replace_older).gate
    if gates.pending_schedule is None or gates.pending_schedule.execution != execution.id:
        reason = "a change of the schedule file that is as new waits already"
        return Verdict(decision=Decision.IGNORE, reason=reason)
    hold = gates.hold_at(execution.started_at)
    reason = (
        f"{upload.file.key} is deployed at {minute(execution.started_at + _WAITS)} or within a minute, with the image "
        f"that is live, unless a newer file is uploaded or an image is deployed{f'; but {hold}' if hold else ''}. "
        "To deploy it now: rota deploy --schedule FILE"
    )
    return Verdict(decision=Decision.HELD, reason=reason)


def reason_to_skip(s3: "S3Client", settings: "Settings", upload: "Upload", *, is_live: bool) -> str:
    """Why it is not deployed; empty if it is. `is_live`: whether any image is."""
    key, keys = upload.file.key, without_image(settings.schedule_keys, settings.repository)
    if each_image_has_its_own(settings.schedule_keys):
        return "a key of ScheduleKeys has {tag} or {digest}: which file is deployed, an image says; push one"
    if key not in keys:
        return f"{key} is not among ScheduleKeys"
    if not is_live:
        return f"no image of {settings.app} is live yet; the first deployment reads the file"
    return _reason_of_bucket(s3, settings.bucket, upload, keys[: keys.index(key)])


def _reason_of_bucket(s3: "S3Client", bucket: str, upload: "Upload", keys_before: list[str]) -> str:
    key, newest = upload.file.key, _head(s3, bucket, upload.file.key)
    if newest is None or newest["VersionId"] != upload.file.version_id:
        return f"{key} has a newer version, or was deleted"
    if (by := newest["Metadata"].get(DEPLOYED_BY)) and not upload.is_copy:
        return f"{by} has uploaded it, and deploys it"
    if before := next((each for each in keys_before if _head(s3, bucket, each)), None):
        return f"{before} is deployed in its place, which comes before it in ScheduleKeys"
    return ""


def _head(s3: "S3Client", bucket: str, key: str) -> Any:
    """Its newest version; None if there is no such object, or if it was deleted."""
    try:
        return s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        return None
