"""What the mails about images say: one that cannot be pulled, and what a lifecycle policy will soon take."""

import textwrap
from datetime import UTC, datetime, timedelta

import pytest

from rota.ecr.lifecycle import Fate, Rule
from rota.notifications.message import Message, mail_text
from rota.runs import image, image_policy
from rota.runs.image_policy import Threat, Threats
from rota.runs.model import Release

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
