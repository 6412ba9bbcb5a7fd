"""Where the schedule file is looked for."""

import pytest

from rota.source import keys
from tests.guestbook import DIGEST, IMAGE

UNTAGGED = IMAGE.model_copy(update={"tag": None})


@pytest.mark.parametrize(
    ("patterns", "image", "expected"),
    [
        pytest.param(("scheduled_tasks.json",), IMAGE, ["scheduled_tasks.json"], id="as it stands"),
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
    assert keys(patterns, image) == expected  # type: ignore[arg-type]  # an Image
