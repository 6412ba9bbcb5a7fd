"""The event that starts a deployment, as EventBridge sends it and as a person may type it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rota.contract.deployment import Execution, Image, is_dry_run
from rota.ecr.push_event import is_replication, parse_image, reason_to_skip
from rota.errors import RejectedError

EVENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "events" / "ecr_push.json").read_text())
DIGEST = EVENT["detail"]["image-digest"]
EXECUTION = Execution(
    id="arn:aws:states:us-east-1:123456789012:execution:rota-deploy:a-name",
    name="a-name",
    started_at=datetime(2026, 11, 24, 6, 0, 2, tzinfo=UTC),
)


def event(detail: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return EVENT | changes | {"detail": EVENT["detail"] | (detail or {})}


def parse(given: Any) -> Image:
    return parse_image(given, "guestbook", EXECUTION)


def test_the_pushed_image() -> None:
    assert parse(EVENT) == Image(
        repository="guestbook",
        digest=DIGEST,
        tag="5d0c6a1",
        event_id="13cde686-328b-6117-af20-0e5566167482",
        pushed_at=datetime(2026, 11, 24, 6, 0, tzinfo=UTC),
    )


def test_an_empty_tag_is_none() -> None:
    assert parse(event({"image-tag": ""})).tag is None


def test_the_least_that_a_person_types() -> None:
    typed = {"detail": {"repository-name": "guestbook", "image-digest": DIGEST}}
    assert parse(typed) == Image(repository="guestbook", digest=DIGEST)


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-24T06:00:00Z",
        "2026-11-24 07:00:00.000+01:00",
        "20261124T060000Z",
        "2026-W48-2T06:00:00+00:00",
        "2026-11-24T06Z",
        "2026-11-24T07:00:30+01:00:30",
    ],
)
def test_every_form_of_an_iso_8601_timestamp(time: str) -> None:
    pushed = parse(event(time=time))
    assert pushed.pushed_at == datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
    assert Image.model_validate_json(pushed.model_dump_json()) == pushed, "the next step can read it"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        pytest.param([{}], "it is [{}], it must be an object with detail in it", id="a list"),
        pytest.param("v1", 'it is "v1", it must be an object', id="text"),
        pytest.param(None, "it is null, it must be an object", id="null"),
        pytest.param("x" * 99, f'it is "{"x" * 39}, it must be an object', id="much text"),
        pytest.param({}, "detail is missing, it must hold repository-name and image-digest", id="empty"),
        pytest.param({"detail": "text"}, "detail is missing, it must hold", id="detail no object"),
        pytest.param(
            event({"repository-name": "shop"}),
            'detail.repository-name is "shop", this app deploys from "guestbook"',
            id="another repository",
        ),
        pytest.param(
            event(account="999999999999"),
            'account is "999999999999", this app deploys from the registry of 123456789012',
            id="another account",
        ),
        pytest.param(
            event(region="eu-west-1"),
            'region is "eu-west-1", this app deploys from the registry of us-east-1',
            id="another Region",
        ),
        pytest.param(
            event({"image-digest": "latest"}),
            'detail.image-digest is "latest", it must be sha256: and 64 hexadecimal digits',
            id="no digest",
        ),
        pytest.param(
            event({"image-digest": DIGEST.upper()}),
            f'detail.image-digest is "{DIGEST.upper()}", it must be',
            id="upper case",
        ),
        pytest.param(
            event({"image-digest": DIGEST + "\n"}), "it must be sha256: and 64 hexadecimal digits", id="a line too many"
        ),
        pytest.param(event({"image-tag": 7}), "detail.image-tag is 7, it must be a tag", id="tag no text"),
        pytest.param(
            event({"image-tag": 'a"b'}), r'detail.image-tag is "a\"b", it must be a tag', id="tag with a quote"
        ),
        pytest.param(
            event({"image-tag": "x" * 301}), f'detail.image-tag is "{"x" * 199}, it must be a tag', id="a long tag"
        ),
        pytest.param(
            event(time="yesterday"),
            'time is "yesterday", it must be a timestamp such as 2026-11-24T06:00:00Z',
            id="time",
        ),
        pytest.param(
            event(time="2026-11-24T06:00:00"),
            'time is "2026-11-24T06:00:00", it must be a timestamp',
            id="time without offset",
        ),
        pytest.param(
            event(time="0001-01-01T00:00:00+01:00"), 'time is "0001-01-01T00:00:00+01:00"', id="before all time"
        ),
        pytest.param(
            event(note="x" * (65_537 - len(json.dumps(event(note=""))))),
            "it has 65,537 characters, it may have 65,536: RestoreDeployment is given all of it",
            id="too long",
        ),
        pytest.param(event(id=5), "id is 5, it must be a string", id="id"),
        pytest.param(
            event(dryRun=True), 'dryRun is not a key of the input; write "dry_run", beside detail', id="dryRun"
        ),
        pytest.param(event({"dry_run": True}), "detail.dry_run is not a key of a push", id="dry run in detail"),
        pytest.param(event(dry_run="yes"), 'dry_run is "yes", it must be true or false', id="dry run"),
        pytest.param(
            event({"action-type": "DELETE"}),
            "it reports DELETE SUCCESS, it must report PUSH or REPLICATE with SUCCESS",
            id="a deletion",
        ),
        pytest.param(
            event({"result": "FAILURE"}),
            "it reports PUSH FAILURE, it must report PUSH or REPLICATE with SUCCESS",
            id="a failure",
        ),
    ],
)
def test_what_is_wrong_with_an_event(given: Any, problem: str) -> None:
    with pytest.raises(RejectedError) as raised:
        parse(given)
    message = str(raised.value)
    assert message.startswith("the input is not an ECR push that can be deployed: ")
    assert problem in message
    assert message.endswith("Start the execution with the event that EventBridge sends.")


def test_the_longest_event() -> None:
    long = event(note="x" * (65_536 - len(json.dumps(event(note="")))))
    assert parse(long) == parse(EVENT)


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(RejectedError) as raised:
        parse(event({"repository-name": "shop", "image-digest": None}, time="x"))
    assert [word in str(raised.value) for word in ("repository-name", "image-digest", "time")] == [True] * 3


@pytest.mark.parametrize(
    ("given", "dry"),
    [
        pytest.param(EVENT, False, id="a push"),
        pytest.param(EVENT | {"dry_run": True}, True, id="asked for"),
        pytest.param(EVENT | {"dry_run": False}, False, id="declined"),
        pytest.param([{"dry_run": True}], False, id="no event at all"),
    ],
)
def test_dry_run(given: Any, dry: bool) -> None:
    assert is_dry_run(given) is dry


SIGNATURE = "sha256-" + "1f" * 32
CACHE = "application/vnd.buildkit.cacheconfig.v0"


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        pytest.param({"image-tag": f"{SIGNATURE}.sig"}, f"{SIGNATURE}.sig is a signature", id="signature"),
        pytest.param({"image-tag": f"{SIGNATURE}.att"}, f"{SIGNATURE}.att is a signature or an", id="attestation"),
        pytest.param({"image-tag": SIGNATURE}, f"{SIGNATURE} is a signature or an attestation", id="referrers"),
        pytest.param({"artifact-media-type": CACHE}, f"5d0c6a1 is {CACHE}, not an image", id="a build's cache"),
        pytest.param(
            {"artifact-media-type": "application/vnd.cncf.helm.config.v1+json"},
            "5d0c6a1 is application/vnd.cncf.helm.config.v1+json, not an image",
            id="chart",
        ),
        pytest.param({"image-tag": ""}, "it was pushed without a tag", id="a part of an index"),
        pytest.param({"artifact-media-type": ["x"]}, "5d0c6a1 is ['x'], not an image", id="no type at all"),
    ],
)
def test_why_a_push_is_skipped(detail: dict[str, Any], reason: str) -> None:
    assert str(reason_to_skip(event(detail))).startswith(reason)


@pytest.mark.parametrize(
    "detail",
    [
        pytest.param({}, id="git hash"),
        pytest.param({"image-tag": "sha256-of-something"}, id="a name that begins alike"),
        pytest.param({"artifact-media-type": ""}, id="ECR does not say"),
        pytest.param({"artifact-media-type": "application/vnd.docker.container.image.v1+json"}, id="Docker's"),
        pytest.param({"artifact-media-type": "application/vnd.oci.image.config.v1+json"}, id="OCI's"),
    ],
)
def test_an_image_is_not_skipped(detail: dict[str, Any]) -> None:
    assert reason_to_skip(event(detail)) is None


# https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html, but for the names
REPLICATION: dict[str, Any] = EVENT | {
    "detail-type": "ECR Replication Action",
    "resources": ["arn:aws:ecr:us-east-1:123456789012:repository/guestbook"],
    "detail": {
        "result": "SUCCESS",
        "repository-name": "guestbook",
        "image-digest": DIGEST,
        "source-account": "210987654321",
        "action-type": "REPLICATE",
        "source-region": "us-west-2",
        "image-tag": "5d0c6a1",
    },
}


def test_a_replication_brings_an_image() -> None:
    assert parse(REPLICATION) == parse(EVENT)
    assert [is_replication(each) for each in (REPLICATION, EVENT)] == [True, False]


@pytest.mark.parametrize(("kind", "skipped"), [(CACHE, True), (None, False)], ids=["a build's cache", "unknown"])
def test_ecr_says_what_was_replicated(kind: str | None, skipped: bool) -> None:
    assert bool(reason_to_skip(REPLICATION, kind)) is skipped


def test_an_event_without_a_tag_is_an_image() -> None:
    assert reason_to_skip({"detail": {"repository-name": "guestbook", "image-digest": DIGEST}}) is None


def test_an_output_is_not_an_input() -> None:
    with pytest.raises(RejectedError, match="it has the keys turn, plan, which an execution's output has"):
        parse(event() | {"turn": {}, "plan": {}})


@pytest.mark.parametrize(
    ("name", "by_eventbridge"),
    [
        pytest.param(EVENT["id"], True, id="the event's id"),
        pytest.param(f"{EVENT['id']}_d3adb33f-0000-4000-8000-000000000001", True, id="with a UUID"),
        pytest.param(f"{EVENT['id']}_{'1f' * 16}", True, id="with a hash"),
        pytest.param(f"{EVENT['id']}-rollback", False, id="a person's, after the event"),
        pytest.param(f"{EVENT['id']}_2", False, id="a person's, with a number"),
        pytest.param("rollback", False, id="a person's"),
    ],
)
def test_who_started_an_execution_by_its_name(name: str, by_eventbridge: bool) -> None:
    assert parse(EVENT).started(name) is by_eventbridge


def test_a_push_without_an_id_started_no_execution() -> None:
    assert not Image(repository="guestbook", digest=DIGEST).started("_" + "1f" * 16)
