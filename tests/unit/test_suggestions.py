"""Whatever a message says to write is taken, if it is written."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from rota.schedule_file.parse import find_problems
from rota.schedule_file.task import EXPECTED, Task

TASK = {"name": "A", "task": "t", "rate": "1 day"}
many = budget(deadline=None, max_examples=300)
items = st.sampled_from(
    [
        "*",
        "?",
        "0",
        "5",
        "31",
        "61",
        "L",
        "LW",
        "L-3",
        "15W",
        "MON",
        "MON-FRI",
        "1,15",
        "0/60",
        "*/24",
        "*/5",
        "FEB",
        "30",
    ]
)
crons = st.one_of(
    st.lists(items, min_size=5, max_size=7).map(" ".join),
    st.lists(st.sampled_from([*"015*?/-,LW#", "MON", "60", "2030"]), max_size=12).map(" ".join),
    st.sampled_from(["@daily", "@yearly", "0 0 31 2 *", "0 0 30 2 * *", "0 0/24 L-1 2 * *"]),
)
rates = st.builds(
    "{}{}{}".format,
    st.integers(0, 200_000),
    st.sampled_from(["", " "]),
    st.sampled_from(["m", "min", "minutes", "minute", "hr", "hours", "d", "day", "weeks", "s", "months", ""]),
)


def said(entry: dict[str, Any]) -> list[str]:
    """What is wrong with a file of this one task."""
    raw = json.dumps({"tasks": [entry]}).encode()
    return [each.message for each in find_problems(raw, rule_prefix="", max_tasks=10)]


def proposals(messages: list[str]) -> list[str]:
    """Whole expressions that messages say to write; a text without a space is a field's, not the key's."""
    found = [
        each for message in messages for each in re.findall(r'(?:write|such as|or|at most|days:) "([^"]+)"', message)
    ]
    return [each for each in found if " " in each]


def refused(*wrong: tuple[str, str]) -> list[str]:
    """What messages about these keys' texts say to write, and refuse in turn."""
    entry = {key: value for key, value in TASK.items() if key != "rate"}
    found = [(key, proposal) for key, text in wrong for proposal in proposals(said(entry | {key: text}))]
    return [proposal for key, proposal in found if said(entry | {key: proposal})]


def test_a_proposal_is_found_in_a_message() -> None:
    """Without any, the two properties below would hold whatever is proposed."""
    entry = {"name": "A", "task": "t"}
    assert proposals(said(entry | {"cron": "0/60 6-21 ? * MON-FRI *"})) == ["0 6-21 ? * MON-FRI *"]
    assert proposals(said(entry | {"rate": "90min"})) == ["90 minutes"]


@many
@given(crons)
@example("0 9 L-3 * ? *")
@example("0/60 6-21 ? * MON-FRI *")
@example("0 0 30 2 * *")
def test_a_cron_that_is_proposed_is_taken(cron: str) -> None:
    assert refused(("cron", cron), ("schedule", f"cron({cron})"), ("schedule", cron)) == []


@many
@given(rates)
def test_a_rate_that_is_proposed_is_taken(rate: str) -> None:
    assert refused(("rate", rate), ("schedule", f"rate({rate})"), ("schedule", rate)) == []


@many
@given(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from([*Task.model_fields, "env", "tags", "image"]).flatmap(
            lambda key: st.sampled_from([key, key.upper(), key[:-1], key + "s", key.replace("_", "")])
        ),
    )
)
def test_a_key_that_is_proposed_is_known(key: str) -> None:
    for message in said(TASK | {key: "x"}):
        for near in re.findall(r'did you mean "([^"]*)"', message):
            assert near in Task.model_fields


@pytest.mark.parametrize("size", [256, 512, 1024, 2048, 4096, 8192, 16384])
def test_a_memory_that_is_proposed_is_taken(size: int) -> None:
    (message,) = said(TASK | {"cpu": size, "memory": 122_880 if size != 16384 else 512})
    offered = re.search(r"write one of ([0-9, ]+)", message)
    assert offered
    sizes = [int(each) for each in offered[1].split(", ")]
    assert [each for each in sizes if said(TASK | {"cpu": size, "memory": each})] == []


EXAMPLES = [
    (key, json.loads(example))
    for key, text in EXPECTED.items()
    if key in Task.model_fields
    for example in re.findall(r'such as (\[.*\]|\{.*\}|"[^"]*")', text)
]


@pytest.mark.parametrize(("key", "value"), EXAMPLES, ids=[key for key, _ in EXAMPLES])
def test_an_example_in_a_message_is_taken(key: str, value: Any) -> None:
    others = {name for name in ("task", "rate") if key in {"task": ("command",), "rate": ("cron", "schedule")}[name]}
    assert said({name: each for name, each in TASK.items() if name not in others} | {key: value}) == []
