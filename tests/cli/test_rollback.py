"""What `rota rollback` asks before, and says after."""

from typing import Any

import pytest

from rota.cli.exits import CommandError
from rota.cli.rollback.command import require_kept, target_of, undo
from rota.cli.table import Present
from tests.cli.test_releases import DIGESTS, LIVE, entry

BEFORE = [entry(3, "b2"), entry(2, "c3"), entry(1, "a1", tag=None)]
BACK = [entry(4, "b2", kind="rollback"), entry(3, "c3"), entry(2, "b2"), entry(1, "a1")]
ROLLED_BACK = ", from which v4 was a rollback"


@pytest.mark.parametrize(
    ("entries", "number", "release", "target"),
    [
        (BEFORE, 3, "previous", ("v2", "v2 (tag-c3)")),
        (BEFORE, 3, "v1", ("v1", f"v1 ({DIGESTS['a1'][7:19]})")),
        (BEFORE, 3, "tag-c3", ("v2", "v2 (tag-c3)")),
        (BACK, 4, "previous", ("v3", f"v3 (tag-c3){ROLLED_BACK}")),
        (BACK, 4, "v3", ("v3", f"v3 (tag-c3){ROLLED_BACK}")),
        (BACK, 4, "v1", ("v1", "v1 (tag-a1)")),
        (BEFORE[:1], 3, "previous", ("previous", "previous")),
        (BEFORE[:1], 3, "v2", ("v2", "v2")),
    ],
    ids=[
        *("the one before", "without a tag", "by its tag", "the one rolled back from", "that by its number"),
        *("an older one", "gone from the ledger", "its number, gone from the ledger"),
    ],
)
def test_the_question_names_release_and_image(
    entries: list[dict[str, Any]], number: int, release: str, target: tuple[str, str]
) -> None:
    assert target_of(entries, release, {**LIVE, "number": number}) == target


@pytest.mark.parametrize(
    ("number", "kept", "words"),
    [
        ("v2", [3, 2], ""),
        ("previous", [3, 2], ""),
        ("v9", [3, 2], "there is no release v9 to roll back to: those that are kept are v3, v2"),
        ("v1", [], "there is no release v1 to roll back to: no release is kept yet"),
        ("previous", [1], "there is no release before the live one to roll back to: those that are kept are v1"),
    ],
    ids=["kept", "previous", "unknown", "none is kept", "the first one"],
)
def test_a_release_that_is_not_kept_starts_nothing(number: str, kept: list[int], words: str) -> None:
    said = ""
    try:
        require_kept(number, kept, " --env prod")
    except CommandError as refused:
        said = refused.message
        assert refused.todo.endswith("rota deploy --image TAG --env prod")
    assert said == words


@pytest.mark.parametrize(
    ("live", "said"),
    [(4, ["To undo it: rota rollback v3 --reason ... --env prod"]), (3, [])],
    ids=["it went live", "nothing to do"],
)
def test_how_it_is_undone(live: int, said: list[str]) -> None:
    assert [*undo(Present({"number": live}, {}, []), {"number": 3}, " --env prod")] == said


def test_where_nothing_was_or_is_live_there_is_nothing_to_undo() -> None:
    assert [*undo(Present(None, {}, []), {"number": 3}, "")] == []
    assert [*undo(Present({"number": 4}, {}, []), None, "")] == []
