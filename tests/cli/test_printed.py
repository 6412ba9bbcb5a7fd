"""Times, tables, colours and JSON."""

import io
import json
import sys
from dataclasses import dataclass, is_dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from rota import cli
from rota.cli import columns, json_schema, time_text
from rota.cli.exits import MEANINGS, CommandError, Exit
from rota.cli.next.calendar import Job, calendar
from rota.cli.next.text import lines as next_lines
from rota.cli.output import Output, plain
from rota.schedule_file.when import When
from rota.watch.wording import for_people

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.24, "0.2 s"), (9.9, "9.9 s"), (10, "10 s"), (41, "41 s"), (119, "119 s"), (120, "2 min")),
        *((7199, "119 min"), (7200, "2 h"), (172_799, "47 h"), (172_800, "2 d"), (259_199, "2 d")),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert time_text.duration(seconds) == text


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (0, "12:00"),
        (11, "23:00"),
        (18, "tomorrow 06:00"),
        (-13, "yesterday 23:00"),
        (48, "Wed 12:00"),
        (144, "Sun 12:00"),
        (168, "07 Dec 12:00"),
        (-24, "yesterday 12:00"),
        (-48, "28 Nov 12:00"),
        (-72, "27 Nov 12:00"),
        (768, "01 Jan 2027 12:00"),
    ],
)
def test_times_of_the_week(hours: int, text: str) -> None:
    assert time_text.clock(NOW + timedelta(hours=hours), NOW, utc=True) == text


@pytest.mark.usefixtures("in_vienna")
def test_utc_is_named_where_local_time_is_another() -> None:
    shown = [
        time_text.clock(NOW + timedelta(days=days), NOW, utc=utc) for days in (0, 1, 2, 30) for utc in (False, True)
    ]
    assert shown == [
        *("13:00", "12:00 UTC", "tomorrow 13:00", "tomorrow 12:00 UTC", "Wed 13:00", "Wed 12:00 UTC"),
        *("30 Dec 13:00", "30 Dec 12:00 UTC"),
    ]
    assert [time_text.of_line(NOW, utc=utc) for utc in (False, True)] == ["13:00:00", "12:00:00 UTC"]
    found = calendar([Job("A", When("cron(0 18 * * ? *)"), True)], NOW, NOW + timedelta(days=1))
    titles = [" ".join(click.unstyle(next(next_lines(found, NOW, 100, utc=utc))).split()) for utc in (False, True)]
    assert titles == ["when task schedule", "when UTC task schedule"]


@pytest.mark.parametrize(
    ("seconds", "ago", "ahead"),
    [
        (0, "just now", "now"),
        (0.9, "just now", "now"),
        (1, "just now", "in 1.0 s"),
        (9, "just now", "in 9.0 s"),
        (10, "10 s ago", "in 10 s"),
        (240, "4 min ago", "in 4 min"),
        (18_000, "5 h ago", "in 5 h"),
    ],
)
def test_ago_and_ahead(seconds: float, ago: str, ahead: str) -> None:
    span = timedelta(seconds=seconds)
    assert (time_text.ago(NOW - span, NOW), time_text.ahead(NOW + span, NOW)) == (ago, ahead)


@pytest.mark.usefixtures("in_vienna")
def test_whole_times() -> None:
    assert [time_text.whole(NOW, utc=utc) for utc in (False, True)] == [
        "Mon 30 Nov 13:00:00 CET",
        "Mon 30 Nov 12:00:00 UTC",
    ]
    at = NOW.astimezone()
    assert time_text.as_json(at) == "2026-11-30T12:00:00Z"
    assert time_text.as_json(at.replace(microsecond=1500)) == "2026-11-30T12:00:00.001Z"


DAYS = ("Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun", "Mon")


@pytest.mark.parametrize(
    ("text", "past", "found"),
    [
        ("12:01", False, "2026-11-30T12:01"),
        ("12:00", False, "2026-12-01T12:00"),
        ("12:00", True, "2026-11-30T12:00"),
        (" Tomorrow 06:00 ", True, "2026-12-01T06:00"),
        ("mon 12:01", False, "2026-11-30T12:01"),
        ("Monday 12:00", False, "2026-12-07T12:00"),
        ("mon 11:00", True, "2026-12-07T11:00"),
        ("tue 06:00", False, "2026-12-01T06:00"),
        *((f"{day}day 06:00", False, f"2026-12-0{number}T06:00") for number, day in enumerate(DAYS, 1)),
        *((f"{day[:3]} 06:00", False, f"2026-12-0{number}T06:00") for number, day in enumerate(DAYS, 1)),
        ("2026-12-24", False, "2026-12-24T00:00"),
        ("2026-12-24T06:00", False, "2026-12-24T06:00"),
        ("2026-12-24T06:00+02:00", False, "2026-12-24T04:00"),
    ],
)
def test_times_are_read(text: str, past: bool, found: str) -> None:
    at = time_text.parse_time(text, NOW, past=past)
    assert f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}" == found


@pytest.mark.parametrize("text", ["24:00", "7:00", "someday 06:00", "tomorrow", ""])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time; write it as 18:00, Mon 06:00 or 2026-12-24T06:00") as refused:
        time_text.parse_time(text, NOW)
    assert str(refused.value).startswith(repr(text))


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400)])
def test_durations_are_read(text: str, seconds: int) -> None:
    assert time_text.parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-5m", "0m", "1.5h", "5 weeks"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        time_text.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("too long\nby a line", "too long"),
        ("no-no " * 99, f"{'no-no ' * 26}..."),
        ("", ""),
    ],
    ids=["lines", "words", "nothing"],
)
def test_of_a_long_text_the_beginning_is_shown(text: str, shown: str) -> None:
    assert columns.beginning(text) == shown


def test_what_a_deployment_says_is_shown_without_inputs() -> None:
    said = f'bars sha256:{"ab" * 32}; to undo it: rota rollback v2, or start {{"kind": "rollback", "release": "v2"}}'
    assert for_people(said) == "bars sha256:abababababab; to undo it: rota rollback v2"


ROWS: list[columns.Row] = [
    ["IngestData", "06:00", "a sentence that is long enough to be folded on a terminal"],
    ["B", "-", ""],
]


@pytest.mark.parametrize("width", [200, 100, 60])
def test_a_table_fits_the_terminal(width: int) -> None:
    lines = columns.table(["task", "next", "why"], ROWS, width)
    assert max(map(len, lines)) <= width
    assert lines[0].split() == ["task", "next", "why"] or "\x1b" in lines[0]


def test_on_a_narrow_terminal_rows_are_blocks() -> None:
    lines = [click.unstyle(line) for line in columns.table(["task", "next", "why"], ROWS, 32)]
    assert lines[:3] == ["IngestData", "  next: 06:00", "  why: a sentence that is long"]
    assert max(map(len, lines)) <= 32
    assert lines[-2:] == ["B", "  next: -"]


def test_a_table_whole() -> None:
    cells: list[columns.Row] = [
        [columns.Cell("A", "red"), "1", columns.Cell("two words that are folded here", bold=True)],
        ["Longer", columns.Cell(" ", dim=True), ""],
    ]
    assert columns.table(["name", "", "why"], cells, 35) == [
        f"{click.style('name', dim=True)}       {click.style('why', dim=True)}",
        f"{click.style('A', fg='red')}       1  {click.style('two words that are', bold=True)}".rstrip(),
        f"           {click.style('folded here', bold=True)}",
        "Longer",
    ]
    assert columns.table(["", "", ""], cells[1:], 35) == ["Longer"]
    assert columns.table(["name"], [], 35) == []
    assert columns.table(["", "", ""], cells, 34)[0] == click.style("A", fg="red"), "in blocks"
    assert columns.table([], cells, 20) == columns.table(["", "", ""], cells, 20)
    assert columns.table(["", "", ""], cells, 20) == [
        click.style("A", fg="red"),
        "  1",
        f"{click.style('  two words that are', bold=True)}",
        f"{click.style('  folded here', bold=True)}",
        "Longer",
    ]


@pytest.mark.parametrize(
    ("width", "lines"), [(9, ["aaa   bbb", "cc dd"]), (8, ["aaa", "bbb", "cc dd"]), (4, ["aaa", "bbb", "cc", "dd"])]
)
def test_as_many_facts_on_a_line_as_fit(width: int, lines: list[str]) -> None:
    assert columns.packed(["aaa", "bbb", "cc dd"], width) == lines


def test_lines_are_folded_at_spaces() -> None:
    assert columns.folded("a-b-c d\n\nlonger-than-that e", 7, " ") == [" a-b-c", " d", "", " longer-than-that", " e"]
    assert columns.folded("a b", 1, "  ") == ["  a b"], "the indent and one character fit at least"
    assert columns.folded("ab c", 1, "  ") == ["  ab", "  c"]


def test_the_longest_beginning_is_whole() -> None:
    assert [len(columns.beginning("x" * count)) for count in (159, 160)] == [159, 160]
    assert columns.beginning(f"{'x' * 100} {'y' * 60}") == f"{'x' * 100} ..."
    assert columns.beginning(f"{'x' * 100} yy-{'y' * 60}") == f"{'x' * 100} ..."


@pytest.mark.parametrize(
    ("variables", "options", "coloured"),
    [
        ({}, {}, False),
        ({"FORCE_COLOR": "1"}, {}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, {}, False),
        ({"FORCE_COLOR": "1"}, {"no_color": True}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, {}, False),
    ],
    ids=["a pipe", "FORCE_COLOR", "NO_COLOR", "--no-color", "TERM=dumb"],
)
def test_colours(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    options: dict[str, bool],
    coloured: bool,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    Output(**options).line(click.style("x", fg="red"))
    assert ("\x1b" in capsys.readouterr().out) == coloured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


OF_A_PERSON = {"terminal": True, "interactive": True, "utc": False, "colour": True, "redraws": True, "width": 90}


@pytest.mark.parametrize(
    ("piped", "variables", "options", "differs"),
    [
        ((), {}, {}, {}),
        ((), {"CI": "0"}, {}, {}),
        ((), {"CI": "False"}, {}, {}),
        ((), {"CI": "true"}, {}, {"interactive": False, "redraws": False}),
        ((), {"NO_COLOR": "1"}, {}, {"colour": False, "redraws": False}),
        ((), {}, {"as_json": True}, {"redraws": False}),
        ((), {}, {"utc": True}, {"utc": True}),
        (("stdin",), {}, {}, {"interactive": False}),
        (("stderr",), {}, {}, {"interactive": False}),
        (
            ("stdout",),
            {},
            {},
            {"terminal": False, "utc": True, "colour": False, "redraws": False, "width": 100},
        ),
    ],
    ids=["a terminal", "CI=0", "CI=False", "CI", "NO_COLOR", "JSON", "UTC", "its input", "its errors", "its output"],
)
def test_how_it_prints_for_whom(
    piped: tuple[str, ...],
    variables: dict[str, str],
    options: dict[str, bool],
    differs: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CI", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", "COLUMNS": "90", **variables}.items():
        monkeypatch.setenv(name, value)
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, stream, io.StringIO() if stream in piped else Terminal())
    made = Output(**options)
    assert {name: getattr(made, name) for name in OF_A_PERSON} == OF_A_PERSON | differs


def test_what_is_beside_the_answer_is_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Terminal())
    remark = f"{click.style('remark', dim=True)}\n"
    for as_json, terminal, said in (
        (False, True, f"{remark}note\nsaid\n"),
        (False, False, "note\nsaid\n"),
        (True, True, "said\n"),
    ):
        stderr = Terminal() if terminal else io.StringIO()
        monkeypatch.setattr(sys, "stderr", stderr)
        output = Output(as_json=as_json)
        output.remark("remark")
        output.notes(["note"])
        output.say("said")
        assert stderr.getvalue() == said


@dataclass
class Answer:
    when: datetime
    kind: str = "toy"


def test_an_answer_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.now = lambda: NOW + timedelta(seconds=1.5)
    output.answer(Answer(NOW), None, lambda: ["not this"])
    printed = json.loads(capsys.readouterr().out)
    assert (printed["rota"], printed["kind"], printed["when"]) == (1, "toy", "2026-11-30T12:00:00Z")
    assert printed["at"] == "2026-11-30T12:00:01Z"


@pytest.mark.parametrize("as_json", [True, False])
def test_an_error_is_on_stderr(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    Output(as_json=as_json).fail(CommandError(Exit.NOT_ALLOWED, "it is gone", "make it", error="Gone"))
    printed = capsys.readouterr()
    assert printed.out == ""
    if as_json:
        said: dict[str, Any] = json.loads(printed.err)
        assert (said["kind"], said["exit"], said["error"], said["todo"]) == ("error", 4, "Gone", "make it")
    else:
        assert printed.err == "rota: it is gone\nmake it\n"


def test_every_exit_code_has_a_meaning() -> None:
    assert MEANINGS.keys() == {*Exit}


def test_the_schema_is_that_of_the_answers() -> None:
    assert json_schema.FILE.read_text() == json_schema.written(), "make schema writes it"


def test_answers_do_not_change_once_they_are_made() -> None:
    """Threads fill them, and what is printed is what was found."""
    models = sorted(Path(cli.__file__).parent.rglob("model.py"))
    named = {path.parent.name: import_module(f"rota.cli.{path.parent.name}.model") for path in models}
    classes = [(name, each) for name, module in named.items() for each in vars(module).values() if is_dataclass(each)]
    assert len(classes) > 40
    assert [(name, each) for name, each in classes if not each.__dataclass_params__.frozen] == []  # type: ignore[union-attr]


def test_what_is_in_an_answer_is_plain_at_any_depth() -> None:
    assert plain({"a": (NOW, [Answer(NOW, "b"), Exit.FAILED, None])}) == {
        "a": ["2026-11-30T12:00:00Z", [{"when": "2026-11-30T12:00:00Z", "kind": "b"}, 1, None]]
    }
