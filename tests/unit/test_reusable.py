"""The revisions that are used again and the base of new ones, for a family in memory."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rota.ecs.reusable import Reusable, find_reusable, list_ahead
from rota.ecs.task_definitions import Revision, find_base, list_active
from tests.guestbook import APP, CONTENT, SETTINGS, arn, definition

FAMILY_ALONE = arn(1).rpartition(":")[0]
OWN = {"rota:app": APP, "rota:execution": "earlier"}


def own(revision: int, fingerprint: str = "f00", **tags: str) -> Revision:
    """A revision that a deployment of the app registered."""
    return definition(revision=revision, tags=OWN | {"rota:fingerprint": fingerprint} | tags)


def inactive(revision: Revision) -> Revision:
    return revision.model_copy(update={"active": False})


def changed(revision: Revision) -> Revision:
    return revision.model_copy(update={"content": CONTENT | {"cpu": "512"}})


class Family:
    """ECS, with these revisions; it lists the ACTIVE ones in pages of two; it counts pages and what it describes."""

    def __init__(self, *revisions: Revision) -> None:
        self._revisions = {each.arn: each for each in revisions}
        self.described: list[str] = []
        self.pages = 0

    class exceptions:  # noqa: N801 - as botocore names it
        ClientException = ClientError

    def get_paginator(self, operation: str) -> "Family":
        assert operation == "list_task_definitions"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        assert (request["familyPrefix"], request["status"], request["sort"]) == ("guestbook", "ACTIVE", "DESC")
        active = [each.arn for each in self._revisions.values() if each.active]
        listed = sorted(active, key=lambda each: int(each.rsplit(":", 1)[1]), reverse=True)
        for start in range(0, len(listed), 2):
            self.pages += 1
            yield {"taskDefinitionArns": listed[start : start + 2]}

    def describe_task_definition(self, taskDefinition: str, include: list[str]) -> dict[str, Any]:  # noqa: N803
        assert include == ["TAGS"]
        self.described.append(taskDefinition)
        revision = self._revisions.get(taskDefinition) or self._newest(taskDefinition)
        described = {**revision.content, "taskDefinitionArn": revision.arn}
        return {
            "taskDefinition": {**described, "status": "ACTIVE" if revision.active else "INACTIVE"},
            "tags": [{"key": key, "value": value} for key, value in revision.tags.items()],
        }

    def _newest(self, name: str) -> Revision:
        if name != FAMILY_ALONE:
            message = {"Code": "ClientException", "Message": "Unable to describe task definition."}
            raise ClientError({"Error": message}, "DescribeTaskDefinition")  # type: ignore[typeddict-item]  # what is read
        return max(self._revisions.values(), key=lambda each: int(each.arn.rsplit(":", 1)[1]))


def find(
    family: Family, in_use: Iterable[str], recorded: dict[str, str] | None = None, read: tuple[Revision, ...] = ()
) -> Reusable:
    ecs: Any = family
    return find_reusable(ecs, SETTINGS, list_active(ecs, "guestbook"), {*in_use}, recorded or {}, read)


def test_what_is_recorded_is_not_read() -> None:
    family = Family(own(2), own(3, "f01"), own(4, "f02"))
    found = find(family, {arn(2), arn(4)}, {arn(2): "f00", arn(3): "f01", arn(4): "f02"})
    assert found.recorded == {"f00": arn(2), "f01": arn(3), "f02": arn(4)}
    assert (found.unrecorded, family.described) == ((), [])


def test_what_is_in_use_and_not_recorded_is_read() -> None:
    family = Family(own(2), own(3, "f01"), own(4, "f02"))
    found = find(family, {arn(2), arn(4)}, {arn(4): "f02"})
    assert (found.recorded, found.unrecorded) == ({"f02": arn(4)}, (own(2),))
    assert family.described == [arn(2)]


def test_what_was_read_before_is_not_read_again() -> None:
    family = Family(own(2), own(3, "f01"))
    found = find(family, {arn(2), arn(3)}, {arn(3): "f01"}, read=(own(2), own(3, "f01")))
    assert (found.recorded, found.unrecorded, family.described) == ({"f01": arn(3)}, (own(2),), [])


@pytest.mark.parametrize(
    ("recorded", "pages"),
    [
        pytest.param([], 1, id="nothing is recorded"),
        pytest.param([arn(5), arn(3)], 2, id="down to the lowest one"),
        pytest.param([arn(2)], 3, id="which need not be ACTIVE"),
        pytest.param([arn(1).replace("guestbook:", "shop:")], 1, id="of another family"),
    ],
)
def test_pages_that_a_record_reaches_back_to_are_read_ahead(recorded: list[str], pages: int) -> None:
    family = Family(own(1), inactive(own(2)), *(own(number) for number in (3, 4, 5, 6)))
    listed = list_ahead(list_active(family, "guestbook"), recorded, "guestbook")  # type: ignore[arg-type]  # what is called of it
    assert family.pages == pages
    assert [*listed] == [arn(number) for number in (6, 5, 4, 3, 1)]


def test_only_the_pages_that_matter_are_listed() -> None:
    family = Family(*(own(number) for number in range(1, 9)))
    find(family, {arn(5)})
    assert family.pages == 3  # up to the first revision below the lowest that matters


@pytest.mark.parametrize(
    "revision",
    [
        pytest.param(inactive(own(3)), id="INACTIVE"),
        pytest.param(definition(revision=3), id="infrastructure code's"),
        pytest.param(own(3, **{"rota:app": "production/shop"}), id="another app's"),
    ],
)
def test_a_revision_that_cannot_be_used_again(revision: Revision) -> None:
    assert find(Family(own(2), revision), {arn(2), arn(3)}).unrecorded == (own(2),)


def test_registered_revisions_are_known_by_record_and_by_tag() -> None:
    others = (definition(revision=5), own(6, **{"rota:app": "production/shop"}))
    family = Family(inactive(own(2)), own(3), inactive(own(4)), *others)
    found = find(family, {arn(2), arn(3), arn(4), arn(5), arn(6)}, {arn(4): "f02", arn(9): "f03"})
    assert found.registered == {arn(2), arn(3), arn(4)}


def test_a_recorded_revision_that_is_not_active_is_not_used() -> None:
    found = find(Family(own(2), inactive(own(3, "f01"))), {arn(2)}, {arn(2): "f00", arn(3): "f01", arn(9): "f02"})
    assert found.recorded == {"f00": arn(2)}


def test_a_deleted_revision_is_not_there() -> None:
    assert find(Family(own(3)), {arn(2), arn(3)}).unrecorded == (own(3),)


def test_of_two_equal_revisions_the_lowest_number_is_used() -> None:
    """As numbers, not as text. The second is a registration whose reply was lost, or a copy that someone made."""
    family = Family(own(9), own(10))
    assert find(family, {arn(9), arn(10)}).unrecorded == (own(9), own(10))
    assert find(family, {arn(9), arn(10)}, {arn(9): "f00", arn(10): "f00"}).recorded == {"f00": arn(9)}


@pytest.mark.parametrize(
    ("revisions", "in_use", "active"),
    [
        pytest.param([own(2), own(3), own(4), own(5)], {arn(3)}, [arn(5), arn(4), arn(3)], id="from what is in use"),
        pytest.param([own(1), own(2)], {arn(2), arn(1, "shop")}, [arn(2)], id="another family's number"),
        pytest.param([own(2), inactive(own(3)), own(4)], {arn(2)}, [arn(4), arn(2)], id="without INACTIVE ones"),
        pytest.param(
            [inactive(own(2)), own(4), own(5, **{"rota:stands-for": arn(2)})],
            {arn(5)},
            [arn(5), arn(4)],
            id="from what a restore replaced",
        ),
        pytest.param([own(2), own(3)], {FAMILY_ALONE}, [arn(3), arn(2)], id="a target that names no number"),
        pytest.param([own(2), own(3)], set(), [arn(3), arn(2)], id="nothing in use"),
    ],
)
def test_the_active_revisions_that_are_listed(revisions: list[Revision], in_use: set[str], active: list[str]) -> None:
    assert list(find(Family(*revisions), in_use).active) == active


@pytest.mark.parametrize(
    ("revisions", "in_use", "newest"),
    [
        pytest.param([own(2), own(3)], {arn(2)}, 3, id="ACTIVE"),
        pytest.param([own(2), inactive(own(9))], {arn(9)}, 9, id="INACTIVE, and in use"),
        pytest.param([inactive(own(9))], {arn(9)}, 9, id="none is ACTIVE"),
        pytest.param([], set(), 0, id="none"),
    ],
)
def test_the_highest_number_before_a_deployment(revisions: list[Revision], in_use: set[str], newest: int) -> None:
    assert find(Family(*revisions), in_use).newest == newest


# ---------------------------------------------------------------- the base

SERVED = own(5)
FOREIGN = definition(revision=7)
REPLACING = own(5, **{"rota:stands-for": arn(3)})


@pytest.mark.parametrize(
    ("served", "others", "base"),
    [
        pytest.param(SERVED, [], 5, id="what the service runs"),
        pytest.param(SERVED, [own(6), own(8)], 5, id="what earlier deployments left"),
        pytest.param(SERVED, [FOREIGN, own(8)], 7, id="what infrastructure code registered since"),
        pytest.param(SERVED, [definition(revision=6), FOREIGN], 7, id="the newest of those"),
        pytest.param(SERVED, [definition(revision=4)], 5, id="not what is older"),
        pytest.param(SERVED, [inactive(FOREIGN)], 5, id="not what is INACTIVE"),
        pytest.param(SERVED, [changed(own(6))], 6, id="a copy that someone changed"),
        pytest.param(SERVED, [own(6, **{"rota:app": "production/shop"})], 5, id="not another app's"),
        pytest.param(
            REPLACING, [inactive(own(3)), definition(revision=4)], 4, id="what came after the one that it replaces"
        ),
        pytest.param(own(9, **{"rota:newer-base": arn(7)}), [FOREIGN], 7, id="noted while it was registered"),
        pytest.param(own(9, **{"rota:newer-base": arn(7)}), [inactive(FOREIGN)], 9, id="noted, and INACTIVE since"),
        pytest.param(own(9, **{"rota:newer-base": arn(7)}), [], 9, id="noted, and deleted since"),
    ],
)
def test_the_base_of_new_revisions(served: Revision, others: list[Revision], base: int) -> None:
    family = Family(served, *others)
    active = find(family, {served.arn}).active
    assert find_base(family, served, active).arn == arn(base)  # type: ignore[arg-type]  # what is called of it
