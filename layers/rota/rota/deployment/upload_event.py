"""S3's event that an object of the bucket is there in a new version: *Object Created*, from EventBridge. Pure.

Shape: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html. Its key is as the object has it: only the
notifications that S3 sends to SQS, SNS and Lambda itself encode it.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime

from rota import execution_input
from rota.contract.deployment import Kind, Origin, Stored
from rota.contract.shape import Shape
from rota.errors import RejectedError

_SOURCE, _CREATED = "aws.s3", "Object Created"
# Characters that a message quotes of one value.
_LONGEST_QUOTE = 200
ORIGIN = Origin(kind=Kind.SCHEDULE, by="an upload")
"""Why its deployment is started; who uploaded it the event does not say."""


class Upload(Shape):
    """The version that was uploaded, and when: S3's sequencers of one key sort as its versions do. `is_copy`: of
    another version or object, whose metadata it has.
    """

    file: Stored
    at: AwareDatetime
    sequencer: str
    is_copy: bool = False

    @property
    def order(self) -> str:
        """Text that sorts as uploads came, and as `start_order` does."""
        return f"{self.at.astimezone(UTC).isoformat(timespec='microseconds')}#{self.sequencer}"

    @property
    def origin(self) -> Origin:
        """The same, with the key."""
        return ORIGIN.model_copy(update={"reason": self.file.key})


def is_of_s3(event: Any) -> bool:
    """Whether an execution was started with an event of S3."""
    return isinstance(event, Mapping) and event.get("source") == _SOURCE


def parse(event: Mapping[str, Any], bucket: str) -> Upload:
    """What was uploaded. RejectedError lists everything that is wrong with `event` as an upload to that bucket."""
    if found := list(_problems(event, bucket)):
        raise RejectedError(f"the input is not an upload that can be deployed: {'; '.join(found)}")
    uploaded = event["detail"]["object"]
    file = Stored(key=uploaded["key"], version_id=uploaded["version-id"])
    at, is_copy = datetime.fromisoformat(event["time"]), event["detail"].get("reason") == "CopyObject"
    return Upload(file=file, at=at, sequencer=uploaded.get("sequencer", ""), is_copy=is_copy)


def _problems(event: Mapping[str, Any], bucket: str) -> Iterator[str]:
    if event.get("detail-type") != _CREATED:
        yield f'detail-type is {_quoted(event.get("detail-type"))}, it must be "{_CREATED}"'
    if added := [key for key in execution_input.ExecutionInput.model_fields if key in event]:
        yield f'{", ".join(added)} does not go with an event of S3; write it beside "kind": "{Kind.SCHEDULE}"'
    try:
        timed = datetime.fromisoformat(event["time"]).tzinfo is not None
    except (KeyError, TypeError, ValueError):
        timed = False
    if not timed:
        yield f"time is {_quoted(event.get('time'))}, it must be a timestamp such as 2026-11-24T06:00:00Z"
    detail = event.get("detail")
    of_bucket = detail.get("bucket") if isinstance(detail, Mapping) else None
    uploaded = detail.get("object") if isinstance(detail, Mapping) else None
    if not isinstance(of_bucket, Mapping) or of_bucket.get("name") != bucket:
        yield f"detail.bucket.name must be {_quoted(bucket)}"
    if not isinstance(uploaded, Mapping):
        yield "detail.object is missing, it must hold key and version-id"
        return
    yield from (
        f"detail.object.{name} is {_quoted(uploaded.get(name))}, it must be a string"
        for name in ("key", "version-id")
        if not (isinstance(uploaded.get(name), str) and uploaded[name])
    )
    if not isinstance(uploaded.get("sequencer", ""), str):
        yield f"detail.object.sequencer is {_quoted(uploaded['sequencer'])}, it must be a string"


def _quoted(value: object) -> str:
    return "missing" if value is None else json.dumps(value)[:_LONGEST_QUOTE]
