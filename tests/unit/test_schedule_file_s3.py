"""Which keys the schedule file is looked for under."""

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from rota.contract.deployment import Stored
from rota.errors import ConfigError
from rota.schedule_file.s3 import (
    candidate_keys,
    display_name,
    each_image_has_its_own,
    find_schedule_file,
    without_image,
)
from tests.guestbook import DIGEST, IMAGE

UNTAGGED = IMAGE.model_copy(update={"tag": None})


@pytest.mark.parametrize(
    ("patterns", "image", "expected"),
    [
        pytest.param(("scheduled_tasks.json",), IMAGE, ["scheduled_tasks.json"], id="as it is"),
        pytest.param(
            ("{repository}/{tag}.json", "{digest}.json", "scheduled_tasks.json"),
            IMAGE,
            ["guestbook/5d0c6a1.json", f"{DIGEST}.json", "scheduled_tasks.json"],
            id="filled in, in order",
        ),
        pytest.param(("{tag}/{tag}.json",), IMAGE, ["5d0c6a1/5d0c6a1.json"], id="twice"),
        pytest.param(("{tag}.json", "x.json"), UNTAGGED, ["x.json"], id="no tag: left out"),
        pytest.param(("{tags}.json", "{}"), IMAGE, ["{tags}.json", "{}"], id="unknown braces are part of the key"),
    ],
)
def test_the_keys_that_are_tried(patterns: tuple[str, ...], image: object, expected: list[str]) -> None:
    assert candidate_keys(patterns, image) == expected  # type: ignore[arg-type]  # an Image


def test_an_untagged_image_may_leave_no_key_to_try() -> None:
    untagged = candidate_keys(("{repository}/{tag}.json", "{tag}.json"), UNTAGGED)
    with pytest.raises(ConfigError) as raised:
        find_schedule_file(object(), "guestbook-config", untagged)  # type: ignore[arg-type]  # S3 is not asked
    assert str(raised.value) == (
        "no schedule file to look for: every key of the parameter ScheduleKeys has {tag} in it, and the image was "
        "pushed without a tag. Push it with a tag, or add a key without {tag}, such as scheduled_tasks.json"
    )


@pytest.mark.parametrize(
    ("patterns", "its_own"),
    [
        ((), False),
        (("scheduled_tasks.json", "{repository}.json"), False),
        (("scheduled_tasks.json", "{tag}.json"), True),
        (("{digest}.json",), True),
    ],
)
def test_whether_each_image_has_a_file_of_its_own(patterns: tuple[str, ...], its_own: bool) -> None:
    assert each_image_has_its_own(patterns) is its_own


def test_the_keys_without_an_image() -> None:
    assert without_image(("{repository}.json", "x.json"), "guestbook") == ["guestbook.json", "x.json"]


def answer(content: bytes, length: int) -> dict[str, Any]:
    return {"Body": io.BytesIO(content), "VersionId": "Kp2", "ContentLength": length}


@pytest.fixture
def s3() -> Iterator[Stubber]:
    client = boto3.client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def missing(s3: Stubber, key: str) -> None:
    s3.add_client_error("get_object", "NoSuchKey", expected_params={"Bucket": "config", "Key": key})


def test_the_first_file_that_exists_is_read_at_one_version(s3: Stubber) -> None:
    client: Any = s3.client
    missing(s3, "a.json")
    s3.add_response("get_object", answer(b"{}", 1_048_576), {"Bucket": "config", "Key": "b.json"})
    stored, content = find_schedule_file(client, "config", ["a.json", "b.json", "c.json"])
    assert (stored, content) == (Stored(key="b.json", version_id="Kp2"), b"{}")
    assert display_name("config", stored) == "s3://config/b.json (version Kp2)"


def test_a_file_that_is_missing_or_too_large_is_refused(s3: Stubber) -> None:
    client: Any = s3.client
    said = []
    missing(s3, "a.json")
    missing(s3, "b.json")
    s3.add_response("get_object", answer(b"", 1_048_577))
    for keys in (["a.json", "b.json"], ["c.json"]):
        with pytest.raises(ConfigError) as refusal:
            find_schedule_file(client, "config", keys)
        said.append(str(refusal.value))
    assert said == [
        "there is no schedule file; tried s3://config/a.json, s3://config/b.json. Upload it, then push the image or "
        "start the execution again",
        "s3://config/c.json has 1,048,577 bytes, and the limit for a schedule file is 1,048,576; make it shorter",
    ]
