"""The events that a bucket sends to EventBridge, if its notifications to it are on.

moto calls its own sender where an object is created, which knows moto's rules alone; here that publishes to the stage's
bus. Shape: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

from moto.s3 import notifications
from moto.s3.models import FakeBucket
from moto.s3.notifications import S3NotificationEvent
from moto.s3.responses import S3Response

from stage import clock
from stage.eventbridge.bus import Event, event
from stage.moto.clients import ACCOUNT
from stage.moto.patch import replace

_REASONS = {
    S3NotificationEvent.OBJECT_CREATED_PUT_EVENT: "PutObject",
    S3NotificationEvent.OBJECT_CREATED_POST_EVENT: "POST Object",
    S3NotificationEvent.OBJECT_CREATED_COPY_EVENT: "CopyObject",
    S3NotificationEvent.OBJECT_CREATED_COMPLETE_MULTIPART_UPLOAD_EVENT: "CompleteMultipartUpload",
}
_ON = (
    '<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EventBridgeConfiguration/>'
    "</NotificationConfiguration>"
)


def install(publish: Callable[[Event], object]) -> None:
    """Have all buckets send their events through `publish`. Of what is deleted or changed the stage sends none."""
    numbers = count(1)

    def send(account: str, bucket: FakeBucket, kind: S3NotificationEvent, key: Any) -> None:
        if kind not in _REASONS:
            return
        sequencer = f"{int(clock.now().timestamp() * 1000):014X}{next(numbers):04X}"
        publish(_event(bucket, kind, key, sequencer))

    replace(notifications, "_send_event_bridge_message", send)
    _show_that_they_are_on()


def _show_that_they_are_on() -> None:
    """GetBucketNotificationConfiguration of such a bucket; moto leaves it out."""
    show_others: Callable[[S3Response], Any] = S3Response.get_bucket_notification

    def show(self: S3Response) -> Any:
        given = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if given is None or given.event_bridge is None:
            return show_others(self)
        return 200, {}, _ON

    replace(S3Response, "get_bucket_notification", show)


def _event(bucket: FakeBucket, kind: S3NotificationEvent, key: Any, sequencer: str) -> Event:
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": {
            "key": key.name,
            "size": key.size,
            "etag": key.etag.strip('"'),
            "version-id": key.version_id,
            "sequencer": sequencer,
        },
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": ACCOUNT,
        "source-ip-address": "203.0.113.7",
        "reason": _REASONS[kind],
    }
    return event("aws.s3", "Object Created", detail, [bucket.arn])
