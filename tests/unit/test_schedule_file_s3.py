"""Which keys the schedule file is looked for under."""

import pytest

from rota.errors import ConfigError
from rota.schedule_file.s3 import candidate_keys, find_schedule_file
from tests.guestbook import DIGEST, IMAGE

UNTAGGED = IMAGE.model_copy(update={"tag": None})


@pytest.mark.parametrize(
    ("patterns", "image", "expected"),
    [
        pytest.param(("scheduled_tasks.json",), IMAGE, ["scheduled_tasks.json"], id="as it is"),
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
    assert candidate_keys(patterns, image) == expected  # type: ignore[arg-type]  # an Image


def test_an_untagged_image_may_leave_no_key_to_try() -> None:
    untagged = candidate_keys(("{repository}/{tag}.json", "{tag}.json"), UNTAGGED)
    with pytest.raises(ConfigError) as raised:
        find_schedule_file(object(), "guestbook-config", untagged)  # type: ignore[arg-type]  # S3 is not asked
    assert str(raised.value) == (
        "no schedule file to look for: every key of the parameter ScheduleKeys has {tag} in it, and the image was "
        "pushed without a tag. Push it with a tag, or add a key without {tag}, such as scheduled_tasks.json"
    )
