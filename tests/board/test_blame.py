"""Whether the board blames a release for a task that fails."""

from decimal import Decimal
from typing import Any

import pytest

from rota.cli.board.blame import blame

AT = "2026-11-30T06:00:00Z"
NEW = {"digest": "sha256:2", "number": Decimal(2), "tag": "b2"}
GOOD = {"scheduled_at": AT, "ended_at": AT, "release": {"digest": "sha256:1", "number": Decimal(1)}, "runs": Decimal(3)}
RUN = {"task": "A", "scheduled_at": AT, "task_id": "1", "status": "failed", "seconds": Decimal("1.5"), "release": NEW}
INCIDENT: dict[str, Any] = {"id": f"A#{AT}", "opened_at": AT, "first": RUN, "last": RUN, "last_good": GOOD}
SAID = "First failure since v2 (b2); 3 good runs on v1 (1)."
JOBS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "it fails": ({"incident": INCIDENT}, {"A": SAID}),
    "it has recovered": ({"incident": INCIDENT | {"recovered": GOOD}}, {}),
    "it has done well": ({"incident": None}, {}),
    "it always did": ({}, {}),
    "a later version of Rota wrote it": ({"incident": {"id": "A"}}, {}),
}


@pytest.mark.parametrize(("job", "said"), JOBS.values(), ids=JOBS)
def test_a_release_is_blamed_as_in_the_messages(job: dict[str, Any], said: dict[str, str]) -> None:
    assert blame({"A": job}) == said
    assert blame({"Other": {"incident": {"id": "x"}}, "A": job}) == said, "one that cannot be read hides no other"


def test_what_is_no_value_of_the_table_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="<class 'set'> is no value of JSON"):
        blame({"A": {"incident": INCIDENT | {"runs": {1}}}})
