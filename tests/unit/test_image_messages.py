"""What the mails about images say: one that cannot be pulled, and what a lifecycle policy will soon take."""

import json
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from rota.aws import clients
from rota.ecr.lifecycle import Fate, Rule
from rota.notifications.message import Message, mail_text
from rota.runs import image, image_policy
from rota.runs.image_policy import Threat, Threats
from rota.runs.model import Release, Swept
from tests.guestbook import SETTINGS
from tests.log_lines import logged
from tests.stubs import asked

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
APP, REPOSITORY = "shop/api", "shop"
V1, V2, V3 = (Release(number=number, tag=f"v-{number}", digest=f"sha256:{number}" + "a" * 63) for number in (1, 2, 3))
LIVE = Release(digest="sha256:9" + "b" * 63)


def said(message: Message) -> str:
    assert (message.thread, message.kind, message.good) == ("shop/api image", "Rota Image", False)
    assert (message.keywords, message.links, message.log) == ((), (), ())
    return f"{message.title}\n{mail_text(message)}"


GONE = """\
    The image of v1 is not in ECR any more (shop/api)
    The jobs and the service run this image. Running tasks continue; tasks that start now fail.

    Image: v-1 sha256:1DIGEST
    Repository: shop
    Status: deleted

    What to do:
    - Push the image again, or deploy another.
    - Let the repository's lifecycle policy keep images that run: docs/operations.md, Images in use.
"""
ARCHIVED = """\
    The image of sha256:9OTHERS is archived in ECR (shop/api)
    The jobs and the service run this image. Running tasks continue; tasks that start now fail.

    Image: sha256:9OTHERS
    Repository: shop
    Status: archived

    What to do:
    - Restore the image in ECR, or push it again.
    - Let the repository's lifecycle policy keep images that run: docs/operations.md, Images in use.
"""


@pytest.mark.parametrize(
    ("release", "status", "text"), [(V1, "GONE", GONE), (LIVE, "ARCHIVED", ARCHIVED)], ids=["gone", "archived"]
)
def test_an_image_that_cannot_be_pulled(release: Release, status: str, text: str) -> None:
    shown = said(image.message_about(APP, REPOSITORY, release, status))
    assert shown == textwrap.dedent(text).replace("DIGEST", "a" * 63).replace("OTHERS", "b" * 63)


DELETES = Rule(1, False, "any", (), False, "imageCountMoreThan", 3)
ARCHIVES = Rule(2, True, "untagged", (), False, "sinceImagePushed", 14)
TAKES_ALL = """\
    ECR will soon delete the image of v3 (shop/api)
    The jobs and the service run this image: once it is gone, what starts fails. Releases without an image cannot be \
rolled back to.

    Image: v-3 sha256:3DIGEST
    When: with the next push
    Earlier releases: v2 on 2026-03-03, v1 with 2 more pushes
    Repository: shop
    Lifecycle policy: rule 1 deletes images but the newest 3; rule 2 archives untagged images 14 days after their push

    What to do:
    - Raise the countNumber of rule 1 to 100 or more.
    - Add this to the lifecycle policy, and number the other rules after it: {"rulePriority": 1, "selection": \
{"tagStatus": "tagged", "tagPatternList": ["*"], "countType": "imageCountMoreThan", "countNumber": 100}, "action": \
{"type": "expire"}}
    - An image without a tag is kept by no rule for tags: give it one, or push it again.
    - More: docs/operations.md, Images in use.
"""
TAKES_LIVE = """\
    ECR will soon delete the image of sha256:9bbbbbbbbbbb (shop/api)
    The jobs and the service run this image: once it is gone, what starts fails.

    Image: sha256:9OTHERS
    When: within a day
    Repository: shop
    Lifecycle policy: rule 1 deletes images but the newest 3

    What to do:
    - Raise the countNumber of rule 1 to 100 or more.
    - An image without a tag is kept by no rule for tags: give it one, or push it again.
    - More: docs/operations.md, Images in use.
"""
TAKES_OTHERS = """\
    ECR will soon archive images of earlier releases (shop/api)
    Releases without an image cannot be rolled back to.

    Earlier releases: v2 within a day, v-1 on 2026-03-02
    Repository: shop
    Lifecycle policy: rule 2 archives untagged images 14 days after their push

    What to do:
    - Add this to the lifecycle policy, and number the other rules after it: {"rulePriority": 1, "selection": \
{"tagStatus": "tagged", "tagPatternList": ["*"], "countType": "imageCountMoreThan", "countNumber": 100}, "action": \
{"type": "expire"}}
    - An image without a tag is kept by no rule for tags: give it one, or push it again.
    - More: docs/operations.md, Images in use.
"""
BY_COUNT, BY_AGE = "rule 1 deletes images but the newest 3", "rule 2 archives untagged images 14 days after their push"
ALL = Threats(
    V3,
    (DELETES, ARCHIVES),
    (
        Threat(V3, Fate(V3.digest, DELETES, pushes=1)),
        Threat(V2, Fate(V2.digest, ARCHIVES, at=NOW + timedelta(days=2))),
        Threat(V1, Fate(V1.digest, DELETES, pushes=2)),
    ),
)
ONLY_LIVE = Threats(LIVE, (DELETES,), (Threat(LIVE, Fate(LIVE.digest, DELETES, pushes=0)),))
OTHERS = Threats(
    V3,
    (ARCHIVES,),
    (
        Threat(V2, Fate(V2.digest, ARCHIVES, at=NOW)),
        Threat(V1.model_copy(update={"number": None}), Fate(V1.digest, ARCHIVES, at=NOW + timedelta(days=1))),
    ),
)


@pytest.mark.parametrize(
    ("found", "text", "keys"),
    [
        pytest.param(ALL, TAKES_ALL, {f"{BY_COUNT} ({V3.digest})", BY_COUNT, BY_AGE}, id="all"),
        pytest.param(ONLY_LIVE, TAKES_LIVE, {f"{BY_COUNT} ({LIVE.digest})"}, id="the live one"),
        pytest.param(OTHERS, TAKES_OTHERS, {BY_AGE}, id="the others"),
    ],
)
def test_what_a_policy_will_soon_take(found: Threats, text: str, keys: set[str]) -> None:
    shown = said(image_policy.message_about(APP, REPOSITORY, found, NOW))
    assert shown == textwrap.dedent(text).replace("DIGEST", "a" * 63).replace("OTHERS", "b" * 63)
    assert found.keys == keys
    assert keys <= found.possible_keys
    assert len(found.possible_keys) == 2 * len(found.rules)


# ---------------------------------------------------------------------- once a day


MAILS = SETTINGS.model_copy(update={"notifications_topic_arn": "arn:mail"})
SEEN = Swept(at=NOW, image_seen_at=NOW - timedelta(days=1))
POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30},
            "action": {"type": "expire"},
        }
    ]
}
TAKES = "rule 1 deletes images 30 days after their push"


@pytest.fixture
def ecr(new_clients: None) -> Iterator[tuple[Stubber, Stubber]]:
    """What ECR and SNS are asked next."""
    with asked(clients.ecr()) as of_ecr, asked(clients.sns()) as sent:
        yield of_ecr, sent


def describes(ecr: Stubber, digest: str, *, status: str | None = "ACTIVE", days: int = 0, policy: bool = False) -> None:
    """ECR's answers about the policy, if there is one, and about the image."""
    named = {"repositoryName": "guestbook"}
    found = [{"imageDigest": digest, "imageStatus": status, "imagePushedAt": NOW - timedelta(days=days)}]
    if policy:
        ecr.add_response("get_lifecycle_policy", {"lifecyclePolicyText": json.dumps(POLICY)}, named)
        all_of_it = named | {"filter": {"imageStatus": "ANY"}, "maxResults": 1000}
        ecr.add_response("describe_images", {"imageDetails": found}, all_of_it)
    else:
        ecr.add_client_error("get_lifecycle_policy", "LifecyclePolicyNotFoundException", expected_params=named)
    one = named | {"imageIds": [{"imageDigest": digest}], "filter": {"imageStatus": "ANY"}}
    ecr.add_response("describe_images", {"imageDetails": found if status else []}, one)


def mails(sns: Stubber, title: str) -> None:
    request = {
        "TopicArn": "arn:mail",
        "Subject": f"{title} (production/guestbook-api)",
        "Message": ANY,
        "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "image"}},
    }
    sns.add_response("publish", {"MessageId": "1"}, request)


def test_the_image_is_looked_at_once_a_day(ecr: tuple[Stubber, Stubber]) -> None:
    asked, _ = ecr
    young = Swept(at=NOW, image_seen_at=NOW - timedelta(days=1) + timedelta(seconds=1))
    assert image.look_after(MAILS, young, [V1], NOW) == young
    assert image.look_after(MAILS, SEEN, [], NOW) == SEEN
    for swept in (SEEN, Swept(at=NOW)):
        describes(asked, V2.digest)
        assert image.look_after(MAILS, swept, [V1, V2], NOW) == Swept(at=NOW, image_seen_at=NOW)


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (None, "The image of v1 is not in ECR any more"),
        ("ARCHIVED", "The image of v1 is archived in ECR"),
        ("ACTIVATING", "The image of v1 is archived in ECR"),
    ],
)
def test_an_image_that_cannot_be_pulled_is_reported_once(
    ecr: tuple[Stubber, Stubber], status: str | None, title: str
) -> None:
    asked, sent = ecr
    describes(asked, V1.digest, status=status)
    mails(sent, title)
    after = image.look_after(MAILS, SEEN, [V1], NOW)
    sent.assert_no_pending_responses()
    assert (after.image_seen_at, after.image_reported) == (NOW, f"{V1.digest} {status or 'GONE'}")
    describes(asked, V1.digest, status=status)
    tomorrow = NOW + timedelta(days=1)
    again = image.look_after(MAILS, after, [V1], tomorrow)
    assert again == after.model_copy(update={"image_seen_at": tomorrow})
    describes(asked, V1.digest)
    assert image.look_after(MAILS, again, [V1], tomorrow + timedelta(days=1)).image_reported == ""


def test_a_repository_that_is_gone_has_no_image_and_a_chat_hears_of_it(ecr: tuple[Stubber, Stubber]) -> None:
    asked, sent = ecr
    for call in ("get_lifecycle_policy", "describe_images"):
        asked.add_client_error(call, "RepositoryNotFoundException")
    mails(sent, "The image of v1 is not in ECR any more")
    sent.add_response("publish", {"MessageId": "2"}, {"TopicArn": "arn:chat", "Message": ANY})
    chatting = MAILS.model_copy(update={"chat_topic_arn": "arn:chat"})
    assert image.look_after(chatting, SEEN, [V1], NOW).image_reported == f"{V1.digest} GONE"


def test_what_a_policy_will_take_is_reported_until_it_changes(ecr: tuple[Stubber, Stubber]) -> None:
    asked, sent = ecr
    describes(asked, V1.digest, days=20, policy=True)
    assert image.look_after(MAILS, SEEN, [V1], NOW).policy_reported == ()
    describes(asked, V1.digest, days=25, policy=True)
    mails(sent, "ECR will soon delete the image of v1")
    after = image.look_after(MAILS, SEEN, [V1], NOW)
    sent.assert_no_pending_responses()
    assert after.policy_reported == (f"{TAKES} ({V1.digest})",)
    known = after.model_copy(update={"image_seen_at": None})
    for days in (25, 1):  # tagged anew it is young again, and then as old as before
        describes(asked, V1.digest, days=days, policy=True)
        assert image.look_after(MAILS, known, [V1], NOW).policy_reported == after.policy_reported
    describes(asked, V1.digest)
    assert image.look_after(MAILS, known, [V1], NOW).policy_reported == (), "the policy is gone"


@pytest.mark.parametrize(
    ("code", "image_is_seen"),
    [("AccessDeniedException", True), ("ServerException", False)],
    ids=["denied by the account", "ECR does not answer"],
)
def test_a_policy_that_may_not_be_read_says_nothing(
    ecr: tuple[Stubber, Stubber], code: str, image_is_seen: bool, caplog: pytest.LogCaptureFixture
) -> None:
    asked, _ = ecr
    asked.add_client_error("get_lifecycle_policy", code)
    if not image_is_seen:
        with pytest.raises(ClientError, match=code):
            image.look_after(MAILS, SEEN, [V1], NOW)
        return
    asked.add_response("describe_images", {"imageDetails": [{"imageStatus": "ACTIVE"}]})
    assert image.look_after(MAILS, SEEN, [V1], NOW) == SEEN.model_copy(update={"image_seen_at": NOW})
    said = "the lifecycle policy may not be read, so nothing is said of it"
    assert logged(caplog) == [("WARNING", said, {"repository": "guestbook"})]


def test_of_very_many_images_nothing_is_said(ecr: tuple[Stubber, Stubber], caplog: pytest.LogCaptureFixture) -> None:
    asked, _ = ecr
    asked.add_response("get_lifecycle_policy", {"lifecyclePolicyText": json.dumps(POLICY)})
    old = {"imageDigest": V1.digest, "imagePushedAt": NOW - timedelta(days=25)}
    asked.add_response("describe_images", {"imageDetails": [old, *[{}] * 20_000]})
    asked.add_response("describe_images", {"imageDetails": [{"imageStatus": "ACTIVE"}]})
    assert image.look_after(MAILS, SEEN, [V1], NOW).policy_reported == ()
    said = "too many images to follow the lifecycle policy"
    assert logged(caplog) == [("WARNING", said, {"repository": "guestbook"})]
