"""Ranges of revisions' numbers."""

import pytest

from rota.ecs.arns import Ranges, is_among, with_numbers_of
from tests.guestbook import arn


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
    assert with_numbers_of(map(arn, new), {"guestbook": known}) == {"guestbook": ranges}


@pytest.mark.parametrize(("number", "is_there"), [(2, False), (3, True), (5, True), (6, False), (7, True), (8, False)])
def test_a_number_is_in_a_range(number: int, is_there: bool) -> None:
    assert is_among(arn(number), {"guestbook": ((3, 5), (7, 7))}) == is_there


def test_each_family_has_its_own_numbers() -> None:
    found = with_numbers_of([arn(4, "shop")], {"guestbook": ((3, 3),)})
    assert found == {"guestbook": ((3, 3),), "shop": ((4, 4),)}
    assert (is_among(arn(4), found), is_among(arn(4, "shop"), found), is_among(arn(4, "other"), found)) == (
        False,
        True,
        False,
    )
