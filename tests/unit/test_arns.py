"""Ranges of revisions' numbers."""

import pytest

from rota.ecs.arns import Ranges, is_among, with_numbers_of
from tests.guestbook import ACCOUNT, REGION, arn

FAMILY = arn(1).removesuffix(":1")


@pytest.mark.parametrize(
    ("known", "new", "ranges"),
    [
        pytest.param((), [7], ((7, 7),), id="the first"),
        pytest.param(((3, 5),), [6], ((3, 6),), id="the next"),
        pytest.param(((3, 5),), [2], ((2, 5),), id="the one before"),
        pytest.param(((3, 5),), [7], ((3, 5), (7, 7)), id="with another's between"),
        pytest.param(((3, 5), (7, 7)), [6], ((3, 7),), id="that other's, too"),
        pytest.param(((3, 5),), [4], ((3, 5),), id="known"),
        pytest.param(((3, 5),), [], ((3, 5),), id="none"),
        pytest.param(((3, 5), (7, 9)), [12, 10, 11, 1], ((1, 1), (3, 5), (7, 12)), id="many"),
    ],
)
def test_numbers_are_joined_to_ranges(known: Ranges, new: list[int], ranges: Ranges) -> None:
    assert with_numbers_of(map(arn, new), {FAMILY: known}) == {FAMILY: ranges}


@pytest.mark.parametrize(("number", "is_there"), [(2, False), (3, True), (5, True), (6, False), (7, True), (8, False)])
def test_a_number_is_in_a_range(number: int, is_there: bool) -> None:
    assert is_among(arn(number), {FAMILY: ((3, 5), (7, 7))}) == is_there


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(arn(3, "shop"), id="family"),
        pytest.param(arn(3).replace(ACCOUNT, "210987654321"), id="account"),
        pytest.param(arn(3).replace(REGION, "eu-north-1"), id="Region"),
    ],
)
def test_each_family_has_its_own_numbers(other: str) -> None:
    known = with_numbers_of([arn(3)], {})
    assert (is_among(arn(3), known), is_among(other, known)) == (True, False)
    assert is_among(other, with_numbers_of([other], known))
    assert len(with_numbers_of([other], known)) == 2


def test_a_hundred_ranges_are_kept_the_newest_ones() -> None:
    found = with_numbers_of(map(arn, range(1, 301, 2)), {})
    assert found == {FAMILY: tuple((number, number) for number in range(101, 301, 2))}
