"""S3's event of an upload: what it names, in which order two stand, and what is refused."""

from typing import Any

import pytest

from rota.contract.deployment import Stored
from rota.deployment import upload_event
from rota.errors import RejectedError
from rota.schedule_file.s3 import each_image_has_its_own, without_image

# docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
EVENT: dict[str, Any] = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "account": "111122223333",
    "time": "2026-11-12T00:00:00Z",
    "region": "ca-central-1",
    "resources": ["arn:aws:s3:::shop-config"],
    "detail": {
        "version": "0",
        "bucket": {"name": "shop-config"},
        "object": {
            "key": "config/jobs+night=1.json",
            "size": 5,
            "etag": "b1946ac92492d2347c6235b4d2611184",
            "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
            "sequencer": "00617F08299329D189",
        },
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "123456789012",
        "source-ip-address": "1.2.3.4",
        "reason": "PutObject",
    },
}


def event(**changes: Any) -> dict[str, Any]:
    """The example with other members of the object, or without those that are None; `time` is the event's."""
    given = {"time": EVENT["time"]} | {name: changes.pop(name) for name in ("time", "detail-type") if name in changes}
    changed = EVENT["detail"]["object"] | changes
    of_object = {name: value for name, value in changed.items() if value is not None}
    return EVENT | given | {"detail": EVENT["detail"] | {"object": of_object}}


def order(**changes: Any) -> str:
    return upload_event.parse(event(**changes), "shop-config").order


def test_what_was_uploaded() -> None:
    """EventBridge gets the key as it is; a + in it is no space."""
    upload = upload_event.parse(EVENT, "shop-config")
    assert upload.file == Stored(key="config/jobs+night=1.json", version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e")
    assert str(upload.origin) == "schedule by an upload: config/jobs+night=1.json"
    assert upload.order == "2026-11-12T00:00:00.000000+00:00#00617F08299329D189"
    assert order(sequencer=None) == "2026-11-12T00:00:00.000000+00:00#"


@pytest.mark.parametrize(("reason", "is_copy"), [("PutObject", False), ("CopyObject", True), (None, False)])
def test_whether_it_was_copied(reason: str | None, is_copy: bool) -> None:
    given = EVENT | {"detail": EVENT["detail"] | {"reason": reason}}
    assert upload_event.parse(given, "shop-config").is_copy is is_copy


def test_the_whole_message_of_everything_that_is_wrong() -> None:
    long = "x" * 1_000
    given = event(key="", sequencer=7, **{"version-id": None, "time": long, "detail-type": "x"}) | {"by": "ann"}
    with pytest.raises(RejectedError) as refused:
        upload_event.parse(given, "shop")
    cut = '"' + "x" * 199
    assert str(refused.value) == (
        'the input is not an upload that can be deployed: detail-type is "x", it must be "Object Created"; by does not '
        f'go with an event of S3; write it beside "kind": "schedule"; time is {cut}, it must be a timestamp such as '
        '2026-11-24T06:00:00Z; detail.bucket.name must be "shop"; detail.object.key is "", it must be a string; '
        "detail.object.version-id is missing, it must be a string; detail.object.sequencer is 7, it must be a string"
    )


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param({"time": "2026-11-12T00:00:00Z"}, {"time": "2026-11-12T00:00:01Z", "sequencer": "00"}, id="time"),
        pytest.param({"sequencer": "00617F08299329D189"}, {"sequencer": "00617F08299329D18A"}, id="sequencer"),
        pytest.param({"sequencer": None}, {}, id="none"),
        pytest.param({"time": "2026-11-12T01:00:00+02:00"}, {}, id="zone"),
    ],
)
def test_which_upload_is_newer(older: dict[str, Any], newer: dict[str, Any]) -> None:
    assert order(**older) < order(**newer)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param(event(**{"detail-type": "Object Deleted"}), 'must be "Object Created"', id="deleted"),
        pytest.param(EVENT | {"now": True}, "now does not go with an event of S3", id="a key of the input"),
        pytest.param(EVENT | {"time": "soon"}, 'time is "soon"', id="time"),
        pytest.param(EVENT | {"time": "2026-11-12T00:00:00"}, "must be a timestamp", id="time without a zone"),
        pytest.param(EVENT | {"time": None}, "time is missing", id="no time"),
        pytest.param(event(**{"version-id": None}), "detail.object.version-id is missing", id="no versions"),
        pytest.param(event(key=7), "detail.object.key is 7", id="key"),
        pytest.param(event(sequencer=7), "detail.object.sequencer is 7", id="sequencer"),
        pytest.param(EVENT | {"detail": {"bucket": {"name": "x"}}}, "detail.object is missing", id="no object"),
        pytest.param(EVENT | {"detail": None}, 'detail.bucket.name must be "shop-config"', id="no detail"),
        pytest.param(
            EVENT | {"detail": EVENT["detail"] | {"bucket": {"name": "another"}}}, "detail.bucket.name", id="bucket"
        ),
    ],
)
def test_what_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(RejectedError) as refused:
        upload_event.parse(given, "shop-config")
    assert says in str(refused.value)


def test_it_is_told_from_a_push() -> None:
    events: list[Any] = [EVENT, {"source": "aws.ecr"}, [], None]
    assert [upload_event.is_of_s3(each) for each in events] == [True] + 3 * [False]


def test_keys_that_follow_from_the_image() -> None:
    assert [each_image_has_its_own((each,)) for each in ("{repository}.json", "{tag}.json", "a{digest}")] == [
        False,
        True,
        True,
    ]
    assert without_image(("{repository}/a.json", "b.json"), "team/shop") == ["team/shop/a.json", "b.json"]
