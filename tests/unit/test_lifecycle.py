"""What an ECR lifecycle policy does to images, by AWS's evaluation rules."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.ecr.lifecycle import Fate, fates, parse_policy
from tests.examples import ROOT

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def image(name: str, age: float, *tags: str, **more: Any) -> dict[str, Any]:
    """One that was pushed so many days ago."""
    tagged = {"imageTags": [*tags]} if tags else {}
    return {"imageDigest": name, "imagePushedAt": NOW - age * DAY, **tagged, **more}


def rule(priority: int, number: int, count: str = "imageCountMoreThan", **more: Any) -> dict[str, Any]:
    """`pattern`, `prefix` (lists), `status` (any, unless there are tags), `archives`, `archived`."""
    selection = {"tagStatus": more.get("status", "any"), "countType": count, "countNumber": number}
    for name, member in (("pattern", "tagPatternList"), ("prefix", "tagPrefixList")):
        if name in more:
            selection |= {"tagStatus": "tagged", member: more[name]}
    if count != "imageCountMoreThan":
        selection["countUnit"] = "days"
    if more.get("archived"):
        selection["storageClass"] = "archive"
    action = {"type": "transition", "targetStorageClass": "archive"} if more.get("archives") else {"type": "expire"}
    return {"rulePriority": priority, "selection": selection, "action": action}


def fate_of(name: str, images: list[dict[str, Any]], *rules: dict[str, Any]) -> Fate | None:
    found = fates(parse_policy(json.dumps({"rules": rules})), images, [name])  # type: ignore[arg-type]  # of ECR's shape
    return found[0] if found else None


IMAGES = [image("new", 1, "v3"), image("live", 2, "v2"), image("bare", 3), image("old", 40, "v1", "main")]
PUSHED, PULLED, ARCHIVED = "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"


@pytest.mark.parametrize(
    ("rules", "name", "expected"),
    [
        pytest.param([rule(1, 3)], "live", (1, 2), id="a count: one younger, so two more"),
        pytest.param([rule(1, 3)], "old", (1, 0), id="a count: at once"),
        pytest.param([rule(1, 30, PUSHED)], "live", (1, 28), id="an age"),
        pytest.param([rule(1, 30, PUSHED)], "old", (1, -10), id="an age that is over"),
        pytest.param([rule(1, 2, pattern=["v*"])], "live", (1, 1), id="a pattern counts its own"),
        pytest.param([rule(1, 2, prefix=["v"])], "live", (1, 1), id="a prefix does, too"),
        pytest.param([rule(1, 2, pattern=["*2"])], "new", None, id="another's pattern"),
        pytest.param([rule(1, 9, PUSHED, pattern=["v1", "ma*"])], "old", (1, -31), id="all patterns, by any tag"),
        pytest.param([rule(1, 9, PUSHED, pattern=["v1", "x*"])], "old", None, id="one pattern is not matched"),
        pytest.param([rule(1, 9, PUSHED, pattern=["v.1"])], "old", None, id="a dot is a dot"),
        pytest.param([rule(1, 9, PUSHED, pattern=["v"])], "old", None, id="a pattern is of the whole tag"),
        pytest.param([rule(1, 1, PUSHED, status="untagged")], "bare", (1, -2), id="untagged"),
        pytest.param([rule(1, 1, PUSHED, status="untagged")], "live", None, id="untagged leaves a tagged one"),
        pytest.param([], "live", None, id="no rules"),
        pytest.param([rule(1, 9, "sinceTheFlood")], "live", None, id="a rule that AWS adds"),
    ],
)
def test_what_a_rule_does(rules: list[dict[str, Any]], name: str, expected: tuple[int, int] | None) -> None:
    """Of `expected` the second is pushes, or days from now."""
    found = fate_of(name, IMAGES, *rules)
    after = found and (found.pushes if found.at is None else (found.at - NOW) / DAY)
    assert (found and (found.rule.priority, after)) == expected


@pytest.mark.parametrize(
    ("made", "words", "remedy"),
    [
        (rule(2, 5), "rule 2 deletes images but the newest 5", "Raise the countNumber of rule 2 to 100 or more."),
        (
            rule(1, 14, PUSHED, status="untagged"),
            "rule 1 deletes untagged images 14 days after their push",
            "Add this to the lifecycle policy, and number the other rules after it: {",
        ),
        (
            rule(3, 30, PULLED, prefix=["v", "r"], archives=True),
            "rule 3 archives images with tags like v*, r* 30 days after they were pulled last",
            "Add this to the lifecycle policy, and number the other rules after it: {",
        ),
        (
            rule(1, 9, PUSHED, pattern=["*"]),
            "rule 1 deletes images with tags like * 9 days after their push",
            "Replace rule 1 of the lifecycle policy by this, with its number: {",
        ),
    ],
    ids=["a count", "untagged", "archived", "each tag"],
)
def test_a_rule_in_words_and_what_to_do(made: dict[str, Any], words: str, remedy: str) -> None:
    (found,) = parse_policy(json.dumps({"rules": [made]}))
    assert found.words == words
    assert found.remedy.startswith(remedy)


def test_what_to_add_keeps_what_the_others_would_take() -> None:
    aged = rule(7, 9, PUSHED)
    (found,) = parse_policy(json.dumps({"rules": [aged]}))
    added = json.loads(found.remedy.partition(": {")[2].join(["{", ""]))
    fate = fate_of("old", IMAGES, added, aged)
    assert fate is not None
    assert not fate.is_soon(NOW)


def test_the_policy_of_the_runbook_keeps_what_has_a_tag() -> None:
    (text,) = re.findall(r"--lifecycle-policy-text '(.*?)'", (ROOT / "docs/operations.md").read_text(), re.DOTALL)
    found = fates(parse_policy(text), IMAGES, [each["imageDigest"] for each in IMAGES])  # type: ignore[arg-type]  # of ECR's shape
    assert {each.digest: each.rule.priority for each in found} == {"new": 1, "live": 1, "bare": 2, "old": 1}
    assert [each.digest for each in found if each.is_soon(NOW)] == []


def test_a_rule_shields_what_it_selects_from_later_ones() -> None:
    keeps = rule(1, 100, pattern=["v*"])
    found = fate_of("old", IMAGES, rule(2, 1, PUSHED), keeps)
    assert found is not None
    assert (found.rule.priority, found.pushes) == (1, 98)


def test_what_earlier_rules_select_is_counted_by_later_ones() -> None:
    """A rule "can still identify" what one before it takes."""
    found = fate_of("bare", IMAGES, rule(1, 1, pattern=["v*"]), rule(2, 3))
    assert found is not None
    assert (found.rule.priority, found.pushes) == (2, 1)


@pytest.mark.parametrize(
    ("more", "days"),
    [
        ({}, 10),
        ({"lastRecordedPullTime": NOW - 5 * DAY}, 25),
        ({"lastRecordedPullTime": NOW - 15 * DAY, "lastActivatedAt": NOW - 3 * DAY}, 27),
        ({"lastRecordedPullTime": NOW - 2 * DAY, "lastActivatedAt": NOW - 3 * DAY}, 28),
    ],
    ids=["never pulled", "pulled", "brought back since", "pulled since it was brought back"],
)
def test_an_image_is_archived_when_nobody_pulls_it(more: dict[str, datetime], days: int) -> None:
    found = fate_of("live", [image("live", 20, "v1", **more)], rule(1, 30, PULLED, archives=True))
    assert found is not None
    assert found.rule.archives
    assert found.at == NOW + days * DAY


def test_an_image_that_was_brought_back_is_as_old_as_that() -> None:
    back = image("live", 90, "v1", lastActivatedAt=NOW - DAY)
    found = fate_of("live", [back, image("other", 2, "v2")], rule(1, 2))
    assert found is not None
    assert found.pushes == 2


def test_an_archived_image_is_of_other_rules() -> None:
    archived = image("live", 300, "v1", imageStatus="ARCHIVED", lastArchivedAt=NOW - 80 * DAY)
    rules = [rule(1, 1), rule(2, 90, ARCHIVED, archived=True)]
    found = fate_of("live", [archived], *rules)
    assert found is not None
    assert (found.rule.priority, found.at) == (2, NOW + 10 * DAY)
    young = fate_of("young", [archived, image("young", 400, "v2")], *rules)
    assert young is not None
    assert young.pushes == 1, "an archived image is not counted with the others"


@pytest.mark.parametrize(
    ("made", "soon"),
    [
        ({"at": NOW + 7 * DAY}, True),
        ({"at": NOW + 8 * DAY}, False),
        ({"at": NOW - DAY}, True),
        ({"pushes": 0}, True),
        ({"pushes": 3}, True),
        ({"pushes": 4}, False),
    ],
    ids=["a week", "more than a week", "over", "now", "three pushes", "four pushes"],
)
def test_a_week_or_three_pushes_are_soon(made: dict[str, Any], soon: bool) -> None:
    (any_rule,) = parse_policy(json.dumps({"rules": [rule(1, 1)]}))
    assert Fate("live", any_rule, **made).is_soon(NOW) is soon


@pytest.mark.parametrize(
    ("made", "when"),
    [
        ({"at": NOW + 7 * DAY}, "on 2026-03-08"),
        ({"at": NOW}, "within a day"),
        ({"pushes": 0}, "within a day"),
        ({"pushes": 1}, "with the next push"),
        ({"pushes": 3}, "with 3 more pushes"),
    ],
    ids=["a day", "due", "now", "one push", "pushes"],
)
def test_when_it_happens_in_words(made: dict[str, Any], when: str) -> None:
    (any_rule,) = parse_policy(json.dumps({"rules": [rule(1, 1)]}))
    assert Fate("live", any_rule, **made).when(NOW) == when


def test_the_image_is_looked_up_by_its_digest() -> None:
    rules = parse_policy(json.dumps({"rules": [rule(1, 1)]}))
    assert [each.digest for each in fates(rules, IMAGES, ["old", "gone", "live"])] == ["live", "old"]  # type: ignore[arg-type]  # of ECR's shape
