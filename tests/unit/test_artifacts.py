"""What the bucket has by key and version: exactly what is asked of S3, and what is said where it is not there."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from rota.contract.deployment import Execution, Pinned, Stored
from rota.contract.step_io import Registered, RegisterRevisionsOutput
from rota.deployment import artifacts, named_file, retention, rollback
from rota.deployment.items import stored
from rota.deployment.live_revisions import LiveArtifacts, live_revisions, recorded_by
from rota.deployment.releases import Release
from rota.errors import ConfigError, RejectedError
from rota.schedule_file.parse import LARGEST_FILE
from tests.guestbook import DIGEST, SETTINGS, arn, definition

NOW = datetime(2026, 12, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
FAMILY = arn(1).removesuffix(":1")
FILE, PLAN, REVISIONS = (Stored(key=f"{name}.json", version_id="7") for name in ("file", "plan", "revisions"))
GONE = ("NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404", "405")


@pytest.fixture
def s3() -> Iterator[Stubber]:
    """Answers the requests that a test expects, each of which must come."""
    client = boto3.client("s3", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def asked(stored: Stored, *, newest: bool = False) -> dict[str, str]:
    """A request for one version of an object, or for its newest."""
    return {"Bucket": "config", "Key": stored.key} | ({} if newest else {"VersionId": stored.version_id})


def answers(s3: Stubber, content: bytes, request: dict[str, str], **more: Any) -> None:
    body = StreamingBody(io.BytesIO(content), len(content))
    s3.add_response("get_object", {"Body": body, **more}, request)


def refuses(s3: Stubber, operation: str, code: str, request: dict[str, str]) -> None:
    s3.add_client_error(operation, code, expected_params=request)


def client(s3: Stubber) -> Any:
    return s3.client


def test_what_is_stored(s3: Stubber) -> None:
    execution = Execution(id="arn:e1", name="e1", started_at=NOW)
    request = {
        "Bucket": "config",
        "Key": "deployments/e1/revisions.json",
        "Body": b'{\n "revisions": {\n  "f": "arn"\n }\n}',
        "ContentType": "application/json",
    }
    s3.add_response("put_object", {"VersionId": "8"}, request)
    found = artifacts.write(client(s3), "config", execution, "revisions", Registered(revisions={"f": "arn"}))
    assert found == Stored(key="deployments/e1/revisions.json", version_id="8")


@pytest.mark.parametrize("code", [*GONE, "AccessDenied", "SlowDown", "403"])
def test_which_errors_say_that_it_is_gone(code: str) -> None:
    reply: Any = {"Error": {"Code": code, "Message": ""}}
    assert artifacts.is_gone(ClientError(reply, "GetObject")) is (code in GONE)


def test_what_another_version_wrote_cannot_be_read(s3: Stubber) -> None:
    answers(s3, b'{"revisions": {}, "more": 1}', asked(REVISIONS))
    with pytest.raises(RejectedError) as refused:
        artifacts.read(client(s3), "config", REVISIONS, Registered)
    assert str(refused.value) == (
        "Rota was updated meanwhile, and cannot read revisions.json of the other version; start it again"
    )
    answers(s3, b'{"revisions": {}, "more": 1}', asked(REVISIONS))
    assert artifacts.read(client(s3), "config", REVISIONS, Registered, "ignore") == Registered(revisions={})


def test_what_has_expired_is_read_as_it_was_stored_again(s3: Stubber) -> None:
    answers(s3, b"first", asked(PLAN))
    assert artifacts.read_kept(client(s3), "config", PLAN) == b"first"
    refuses(s3, "get_object", "NoSuchVersion", asked(PLAN))
    answers(s3, b"again", asked(PLAN, newest=True))
    assert artifacts.read_kept(client(s3), "config", PLAN) == b"again"
    refuses(s3, "get_object", "AccessDenied", asked(PLAN))
    with pytest.raises(ClientError, match="AccessDenied"):
        artifacts.read_kept(client(s3), "config", PLAN)


@pytest.mark.parametrize("document", [None, REVISIONS], ids=["nothing had to be", "some were"])
def test_what_was_registered(document: Stored | None, s3: Stubber) -> None:
    if document:
        answers(s3, b'{"revisions": {"f": "arn"}}', asked(REVISIONS))
    registered = RegisterRevisionsOutput(registered=1, remaining=0, finished=True, document=document)
    expected = {"f": "arn"} if document else {}
    assert artifacts.read_registered(client(s3), "config", registered) == expected
    assert artifacts.read_registered(client(s3), "config", None) == {}


# ---------------------------------------------------------------------- a named schedule file

NO_FILE = (
    "there is no s3://config/file.json (version 7), or not any more; name a key and a version that "
    "`aws s3api list-object-versions` lists"
)


@pytest.mark.parametrize("code", ["NoSuchVersion", "InvalidArgument"])
def test_a_file_that_is_not_there(code: str, s3: Stubber) -> None:
    refuses(s3, "get_object", code, asked(FILE))
    with pytest.raises(RejectedError) as refused:
        named_file.read(client(s3), "config", FILE)
    assert str(refused.value) == NO_FILE


def test_a_file_that_s3_denies_may_be_there(s3: Stubber) -> None:
    refuses(s3, "get_object", "AccessDenied", asked(FILE))
    with pytest.raises(ClientError, match="AccessDenied"):
        named_file.read(client(s3), "config", FILE)


def test_a_file_may_be_so_long(s3: Stubber) -> None:
    answers(s3, b"{}", asked(FILE), ContentLength=LARGEST_FILE)
    assert named_file.read(client(s3), "config", FILE) == b"{}"
    answers(s3, b"{}", asked(FILE), ContentLength=LARGEST_FILE + 1)
    with pytest.raises(ConfigError) as refused:
        named_file.read(client(s3), "config", FILE)
    assert str(refused.value) == (
        f"s3://config/file.json (version 7) has {LARGEST_FILE + 1:,} bytes, and a schedule file may have "
        f"{LARGEST_FILE:,}"
    )


# ---------------------------------------------------------------------- what a rollback needs

INSTEAD = f'roll back with "image_only": true, or deploy its image, {DIGEST}, with the schedule file of today'


def release(since: datetime = NOW, **more: Any) -> Release:
    known: dict[str, Any] = {"number": 4, "digest": DIGEST, "schedule": FILE, "plan": PLAN, "revisions": REVISIONS}
    return Release(**known | more, since=since)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ((True, True, None), None),
        ((True, False, True), None),
        ((False, True, None), "the schedule file (file.json, version 7)"),
        ((True, False, False), "the plan (plan.json, version 7)"),
        ((False, False, False), "the schedule file (file.json, version 7) and the plan (plan.json, version 7)"),
    ],
    ids=["all is there", "its plan was stored again", "no file", "no plan", "neither"],
)
def test_what_is_gone_of_a_release(there: tuple[bool | None, ...], said: str | None, s3: Stubber) -> None:
    for is_there, request in zip(there, (asked(FILE), asked(PLAN), asked(PLAN, newest=True)), strict=True):
        if is_there:
            s3.add_response("head_object", {}, request)
        elif is_there is False:
            refuses(s3, "head_object", "404", request)
    if said is None:
        rollback.require(client(s3), "config", release())
        return
    with pytest.raises(RejectedError) as refused:
        rollback.require(client(s3), "config", release())
    assert str(refused.value) == f"of v4 {said} is gone from the bucket; {INSTEAD}"


def test_what_s3_denies_is_not_gone(s3: Stubber) -> None:
    refuses(s3, "head_object", "403", asked(FILE))
    with pytest.raises(ClientError, match="403"):
        rollback.require(client(s3), "config", release())


def test_a_release_without_a_plan_needs_its_file(s3: Stubber) -> None:
    s3.add_response("head_object", {}, asked(FILE))
    rollback.require(client(s3), "config", release(plan=None))


LIVE = LiveArtifacts({"arn:live": "l"}, ("Spam",))
PINNED = Pinned(schedule=FILE, name="v4", plan=PLAN, revisions=REVISIONS)


def plan(algorithm: int = 1) -> bytes:
    base = definition().model_dump(mode="json")
    return json.dumps({"algorithm": algorithm, "reused": {"r": "arn:reused"}, "base": base}).encode()


@pytest.mark.parametrize(
    ("algorithm", "registered", "revisions"),
    [
        (1, b'{"revisions": {"f": "arn:new"}}', {"arn:live": "l", "arn:reused": "r", "arn:new": "f"}),
        (1, "NoSuchKey", {"arn:live": "l", "arn:reused": "r"}),
        (1, None, {"arn:live": "l", "arn:reused": "r"}),
        (2, None, {"arn:live": "l"}),
    ],
    ids=["all", "what it registered is gone", "it registered nothing", "other fingerprints"],
)
def test_what_a_release_is_known_by(
    algorithm: int, registered: bytes | str | None, revisions: dict[str, str], s3: Stubber
) -> None:
    answers(s3, plan(algorithm), asked(PLAN))
    if isinstance(registered, bytes):
        answers(s3, registered, asked(REVISIONS))
    elif registered:
        for newest in (False, True):
            refuses(s3, "get_object", registered, asked(REVISIONS, newest=newest))
    pinned = PINNED if registered else PINNED.model_copy(update={"revisions": None})
    found = recorded_by(client(s3), "config", PLAN, pinned, LIVE)
    assert found == LiveArtifacts(revisions, ("Spam",), definition())


@pytest.mark.parametrize(
    ("answer", "said"),
    [("NoSuchKey", "is gone from the bucket"), (b"{}", "cannot be read")],
    ids=["gone", "of another version"],
)
def test_a_release_whose_plan_cannot_be_read(answer: bytes | str, said: str, s3: Stubber) -> None:
    if isinstance(answer, bytes):
        answers(s3, answer, asked(PLAN))
    else:
        for newest in (False, True):
            refuses(s3, "get_object", answer, asked(PLAN, newest=newest))
    with pytest.raises(RejectedError) as refused:
        recorded_by(client(s3), "config", PLAN, PINNED, LIVE)
    assert str(refused.value) == (
        f'the plan of v4, plan.json, {said}, so its base is not known; roll back with "image_only": true'
    )


@pytest.mark.parametrize("denied", [PLAN, REVISIONS], ids=["plan", "revisions"])
def test_what_s3_denies_of_a_release_is_not_gone(denied: Stored, s3: Stubber) -> None:
    if denied == REVISIONS:
        answers(s3, plan(), asked(PLAN))
    refuses(s3, "get_object", "AccessDenied", asked(denied))
    with pytest.raises(ClientError, match="AccessDenied"):
        recorded_by(client(s3), "config", PLAN, PINNED, LIVE)


# ---------------------------------------------------------------------- what is read of the live deployment

CONFIG = SETTINGS.model_copy(update={"bucket": "config"})
UNUSABLE = "the stored revisions of the live deployment cannot be used; they are read from ECS"


def is_live(dynamodb: Stubber, **more: Any) -> None:
    known = {"number": 4, "live_digest": DIGEST, "live_schedule_key": "file.json", "live_schedule_version": "7"}
    dynamodb.add_response("get_item", {"Item": stored(known | more)["M"]})


def read_live(dynamodb: Stubber, s3: Stubber) -> LiveArtifacts:
    database: Any = dynamodb.client
    return live_revisions(database, client(s3), CONFIG)


@pytest.mark.parametrize("released", [True, False], ids=["without a plan", "no release"])
def test_where_nothing_is_recorded_nothing_is_read(released: bool, dynamodb: Stubber, s3: Stubber) -> None:
    if released:
        is_live(dynamodb)
    else:
        dynamodb.add_response("get_item", {})
    assert read_live(dynamodb, s3) == LiveArtifacts({})


def test_what_the_live_plan_says(dynamodb: Stubber, s3: Stubber) -> None:
    is_live(dynamodb, live_plan=PLAN.model_dump())
    of_plan = {
        "algorithm": 1,
        "reused": {"r": arn(3)},
        "retried": ["Spam"],
        "set_by_keys": {"Spam": ["Tags"]},
        "said_of_revisions": {"Spam": {"cpu": "512"}},
        "own_numbers": {FAMILY: [[1, 2]], "other": [[5, 5]]},
    }
    answers(s3, json.dumps(of_plan | {"more": 1}).encode(), asked(PLAN))
    assert read_live(dynamodb, s3) == LiveArtifacts(
        {arn(3): "r"},
        ("Spam",),
        None,
        {"Spam": ("Tags",)},
        {"Spam": {"cpu": "512"}},
        {FAMILY: ((1, 3),), "other": ((5, 5),)},
    )


def test_a_plan_of_other_fingerprints_is_not_used(dynamodb: Stubber, s3: Stubber) -> None:
    is_live(dynamodb, live_plan=PLAN.model_dump())
    answers(s3, plan(2), asked(PLAN))
    assert read_live(dynamodb, s3) == LiveArtifacts({})


@pytest.mark.parametrize("answer", ["NoSuchVersion", "AccessDenied", b"{}"], ids=["gone", "denied", "another shape"])
def test_what_cannot_be_used_is_logged(
    answer: bytes | str, dynamodb: Stubber, s3: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    is_live(dynamodb, live_plan=PLAN.model_dump())
    if isinstance(answer, bytes):
        answers(s3, answer, asked(PLAN))
    else:
        refuses(s3, "get_object", answer, asked(PLAN))
    assert read_live(dynamodb, s3) == LiveArtifacts({})
    (line,) = caplog.records
    assert (line.levelname, line.message, bool(line.exc_info)) == ("WARNING", UNUSABLE, True)


def test_a_fault_of_s3_is_no_reason_to_read_more(dynamodb: Stubber, s3: Stubber) -> None:
    is_live(dynamodb, live_plan=PLAN.model_dump())
    refuses(s3, "get_object", "SlowDown", asked(PLAN))
    with pytest.raises(ClientError, match="SlowDown"):
        read_live(dynamodb, s3)


# ---------------------------------------------------------------------- what is kept for it

EXPIRES = 358 * DAY
"""From then on it may expire within a week, of a history of 365 days."""


def keep(s3: Stubber, *kept: Release) -> int:
    return retention.keep(client(s3), "config", kept, 365, NOW)


def test_what_will_soon_expire_is_stored_again(s3: Stubber) -> None:
    """A newer release needs nothing yet, and what was stored again is young."""
    old = NOW - EXPIRES
    s3.add_response("head_object", {"LastModified": old}, asked(PLAN, newest=True))
    answers(s3, b"its plan", asked(PLAN))
    request = {"Bucket": "config", "Key": "plan.json", "Body": b"its plan", "ContentType": "application/json"}
    s3.add_response("put_object", {"VersionId": "8"}, request)
    s3.add_response("head_object", {"LastModified": old + timedelta(seconds=1)}, asked(REVISIONS, newest=True))
    assert keep(s3, release(NOW - EXPIRES + timedelta(seconds=1)), release(old)) == 1


def test_a_release_without_a_plan_has_nothing_to_keep(s3: Stubber) -> None:
    assert keep(s3, release(NOW - EXPIRES, plan=None, revisions=None)) == 0


def test_what_a_person_has_deleted_is_stored_again_from_its_version(s3: Stubber) -> None:
    refuses(s3, "head_object", "404", asked(PLAN, newest=True))
    answers(s3, b"its plan", asked(PLAN))
    s3.add_response("put_object", {"VersionId": "8"})
    assert keep(s3, release(NOW - EXPIRES, revisions=None)) == 1


def test_what_is_gone_is_logged_and_keeps_no_other_from_it(s3: Stubber, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    refuses(s3, "head_object", "404", asked(PLAN, newest=True))
    for newest in (False, True):
        refuses(s3, "get_object", "NoSuchKey", asked(PLAN, newest=newest))
    s3.add_response("head_object", {"LastModified": NOW - EXPIRES}, asked(REVISIONS, newest=True))
    answers(s3, b"{}", asked(REVISIONS))
    s3.add_response("put_object", {"VersionId": "8"})
    assert keep(s3, release(NOW - EXPIRES)) == 1
    (line,) = caplog.records
    assert (line.message, line.__dict__["key"]) == (
        "what a release needs to be brought back is gone",
        "plan.json",
    )


@pytest.mark.parametrize("operation", ["head_object", "get_object"])
def test_what_s3_denies_is_not_taken_for_gone(operation: str, s3: Stubber) -> None:
    if operation == "get_object":
        s3.add_response("head_object", {"LastModified": NOW - EXPIRES})
    s3.add_client_error(operation, "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        keep(s3, release(NOW - EXPIRES))
