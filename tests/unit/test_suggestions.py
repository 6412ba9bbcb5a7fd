"""Whatever a message says to write is taken, if it is written."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rota.schedule_file.fargate_sizes import FARGATE_MEMORY
from rota.schedule_file.parse import find_problems
from rota.schedule_file.task import EXPECTED, Task

TASK = {"name": "A", "task": "t", "rate": "1 day"}
FIELDS = ["minutes", "hours", "day of month", "month", "day of week", "year"]
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
        "0/90",
        "*/999999999",
        "2035-2030",
        "WL",
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


def rates_instead(messages: list[str]) -> list[str]:
    """What messages about a cron propose for the key rate."""
    return [each for message in messages for each in re.findall(r'write a rate: "([^"]+)"', message)]


def fields_instead(cron: str) -> list[str]:
    """The cron with each field that a message proposes, in the place of the one that it is about."""
    fields = cron.split()
    found = []
    for message in said({"name": "A", "task": "t", "cron": cron}):
        for name, was, quoted, bare in re.findall(
            r'(minutes|hours|day of month|month|day of week|year) "([^"]*)": [^;"]*write (?:"([^" ]+)"|(LW))', message
        ):
            at = FIELDS.index(name)
            assert fields[at].upper() == was
            found.append(" ".join([*fields[:at], quoted or bare, *fields[at + 1 :]]))
    return found


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
    assert rates_instead(said(entry | {"cron": "0/90 * * * ? *"})) == ["90 minutes"]
    assert fields_instead("0 6 WL * ? 2035-2030") == ["0 6 LW * ? 2035-2030", "0 6 WL * ? 2030-2035"]


@given(crons)
@example("0 9 L-3 * ? *")
@example("0/60 6-21 ? * MON-FRI *")
@example("0 0 30 2 * *")
def test_a_cron_that_is_proposed_is_taken(cron: str) -> None:
    assert refused(("cron", cron), ("schedule", f"cron({cron})"), ("schedule", cron)) == []
    entry = {"name": "A", "task": "t"}
    rates = rates_instead(said(entry | {"cron": cron}))
    assert [rate for rate in rates if said(entry | {"rate": rate})] == []


@given(st.lists(items, min_size=6, max_size=6).map(" ".join))
@example("0 6 WL * ? 2035-2030")
def test_a_field_that_is_proposed_is_taken(cron: str) -> None:
    """The others may still be wrong."""
    for better in fields_instead(cron):
        (new,) = {*better.split()} - {*cron.split()} or {""}
        assert not [each for each in said({"name": "A", "task": "t", "cron": better}) if f'"{new}":' in each and new]


@given(rates)
def test_a_rate_that_is_proposed_is_taken(rate: str) -> None:
    assert refused(("rate", rate), ("schedule", f"rate({rate})"), ("schedule", rate)) == []


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


@given(st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_string_that_is_proposed_is_taken(value: Any) -> None:
    for key, given_, place in (
        ("environment", {"A": value}, lambda text: {"A": text}),
        ("command", ["x", value], lambda text: ["x", text]),
    ):
        entry = {name: each for name, each in TASK.items() if (name, key) != ("task", "command")}
        for message in said(entry | {key: given_}):
            for text in re.findall(r'write ("[^"]*")', message):
                assert said(entry | {key: place(json.loads(text))}) == []


@pytest.mark.parametrize(
    ("key", "wrong"),
    [("cpu", 7), ("memory", 7), ("count", 0), ("attempts", 999), ("age", 0), ("platform_version", "x")],
)
def test_every_value_in_a_message_is_taken(key: str, wrong: Any) -> None:
    """Each number of a list, and both ends of a range."""

    def entry(value: Any) -> dict[str, Any]:
        if key in ("attempts", "age"):
            return TASK | {"retry": {key: value}}
        return TASK | {key: value}

    (message,) = [each for each in said(entry(wrong)) if "write" in each]
    offered = re.findall(r'"[^"]+"|\d[\d.]*', message.partition("write ")[2])
    assert offered
    for each in offered:
        value = json.loads(each)
        whole = {"cpu": {"memory": FARGATE_MEMORY[value][0] if value in FARGATE_MEMORY else None}}.get(key, {})
        assert said(entry(value) | whole) == []


def test_the_longest_name_in_a_message_is_taken() -> None:
    def problems(name: str) -> list[str]:
        raw = json.dumps({"tasks": [TASK | {"name": name}]}).encode()
        return [each.message for each in find_problems(raw, rule_prefix="production__shop__", max_tasks=10)]

    (message,) = problems("x" * 60)
    longest = re.search(r"use at most (\d+)", message)
    assert longest
    assert problems("x" * int(longest[1])) == []


@pytest.mark.parametrize("wrong", [[TASK], "text", 7], ids=["a list", "text", "a number"])
def test_the_file_that_is_proposed_is_one(wrong: Any) -> None:
    (problem,) = find_problems(json.dumps(wrong).encode(), rule_prefix="", max_tasks=10)
    (proposed,) = re.findall(r'(\{"tasks": \[)\.\.\.\]\}', problem.message)
    raw = f"{proposed}{json.dumps(TASK)}]}}".encode()
    assert list(find_problems(raw, rule_prefix="", max_tasks=10)) == []


def test_what_is_suggested_for_an_unknown_key_is_accepted() -> None:
    """`disabled`, and `at(...)` under `schedule`: a key of the file."""
    (message,) = said(TASK | {"disabled": True})
    (key, value) = re.findall(r'write "(\w+)": (\w+)', message)[0]
    assert said(TASK | {key: json.loads(value)}) == []
    entry = {name: each for name, each in TASK.items() if name != "rate"}
    (message,) = said(entry | {"schedule": "at(2030-01-01T00:00:00)"})
    (key, value) = re.findall(r'write "(\w+)": ("[^"]*")', message)[0]
    assert said(entry | {key: json.loads(value)}) == []


EXAMPLES = [
    (key, json.loads(example))
    for key, text in EXPECTED.items()
    if key in Task.model_fields
    for example in re.findall(r'such as (\[.*\]|\{.*\}|"[^"]*")', text)
]


@pytest.mark.parametrize(("key", "value"), EXAMPLES, ids=[key for key, _ in EXAMPLES])
def test_an_example_in_a_message_is_taken(key: str, value: Any) -> None:
    instead = {"task": ("command",), "rate": ("cron", "schedule", "at", "timezone")}
    entry = {name: each for name, each in TASK.items() if key not in instead.get(name, ())}
    assert said(entry | ({"cron": "0 6 * * ? *"} if key == "timezone" else {}) | {key: value}) == []
