"""A schedule file in YAML: what it comes to, and what is wrong with it, by line and column."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from rota.cli.deploy.upload import Upload
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account
from rota.cli.local_file import lines, source, writer, yaml_errors, yaml_reader
from rota.cli.main import main
from rota.cli.output import Output
from rota.cli.plan.proposal import checked
from rota.cli.stack import Stack
from rota.schedule_file.json_schema import json_schema
from rota.schedule_file.parse import LARGEST_FILE, parse_schedule_file
from tests.cli.conftest import assert_as_in_the_file

JOBS = """\
# times are UTC
tasks:
  - name: IngestData
    task: data_ingestion_task
    cron: 0 6 ? * MON#1 *   # six fields
    environment: {SINCE: 2026-01-01, AT: 12:30:00, DEBUG: on, COUNTRY: no, 8080: "1"}
  - name: Report
    command: [./bin/report, --days, "30"]
    rate: 5 minutes
    enabled: false
    x-why: the supplier is down
"""
AS_JSON = [
    {
        "name": "IngestData",
        "task": "data_ingestion_task",
        "cron": "0 6 ? * MON#1 *",
        "environment": {"SINCE": "2026-01-01", "AT": "12:30:00", "DEBUG": "on", "COUNTRY": "no", "8080": "1"},
    },
    {
        "name": "Report",
        "command": ["./bin/report", "--days", "30"],
        "rate": "5 minutes",
        "enabled": False,
        "x-why": "the supplier is down",
    },
]


def check(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], input=stdin, prog_name="rota")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *(
            (text, number)
            for text, number in ((".inf", float("inf")), ("-.INF", float("-inf")), ("+.Inf", float("inf")))
        ),
        *((text, number) for text, number in ((".5", 0.5), ("1.", 1.0), ("-1.50", -1.5), ("6E-2", 0.06))),
        *((text, text) for text in ("yes", "On", "n", "12:30", "2026-11-30", "1_000", "0b1", "5 minutes", "tRue")),
        *((text, number) for text, number in (("012", 12), ("0o17", 15), ("0xff", 255), ("-3", -3), ("1e3", 1000.0))),
    ],
)
def test_values_without_quotes_are_those_of_the_core_schema(text: str, value: object) -> None:
    assert yaml_reader.plain_value(text) == value


@pytest.mark.parametrize(
    ("text", "kept"),
    [("1" * 19, None), ("1" * 20, "1" * 20), ("1.50", "1.50"), ("-.inf", "-inf")],
    ids=["19 digits", "20 digits", "a fraction", "infinite"],
)
def test_a_number_keeps_its_text_unless_it_is_an_int(text: str, kept: str | None) -> None:
    assert getattr(yaml_reader.plain_value(text), "text", None) == kept


@pytest.mark.parametrize("name", ["jobs.yaml", "jobs.YML"])
def test_yaml_comes_to_json(name: str) -> None:
    document = json.loads(source.read(name, JOBS.encode()).json)
    assert document == {"x-rota-source": {"file": name, "lines": {"IngestData": 3, "Report": 7}}, "tasks": AS_JSON}
    jsonschema.validate(document, json_schema())


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("-", b"", False),
        ("-", b" \n\t{", False),
        ("-", b"[", False),
        ("-", b"\xef\xbb\xbf {", False),
        ("-", b"\xef\xbb\xbftasks:", True),
        ("-", b"tasks:", True),
        ("-", b"# later", True),
        ("a.json", b"tasks:", False),
        ("yaml", b"tasks:", False),
        ("a.yml", b"{", True),
    ],
)
def test_which_file_is_yaml(name: str, content: bytes, expected: bool) -> None:
    assert source.is_yaml(name, content) is expected


def test_the_json_of_a_file_in_yaml_is_for_people_too() -> None:
    """It is what `rota check -o` writes."""
    found = source.read(
        "app/jobs.yaml", "\ufefftasks:\n- {name: A, task: a, rate: 1 hour, description: für}\n".encode()
    )
    text = [
        *("{", '  "x-rota-source": {', '    "file": "jobs.yaml",', '    "lines": {', '      "A": 2', "    }", "  },"),
        *('  "tasks": [', "    {", '      "name": "A",', '      "task": "a",', '      "rate": "1 hour",'),
        *('      "description": "für"', "    }", "  ]", "}"),
    ]
    assert found.json.decode() == "\n".join(text)


def test_what_is_not_there_is_in_the_line_of_what_it_belongs_to() -> None:
    found = source.Source(b"", (), {(): 1, ("tasks",): 2, ("tasks", 0): 3})
    assert [found.line(each) for each in (("tasks", 0, "watch", "grace"), ("tasks", 1), ("x",), ())] == [3, 2, 1, 1]
    assert source.Source(b"").line(("tasks", 0)) is None


def test_a_file_in_yaml_that_is_too_long_is_not_read() -> None:
    (found,) = source.read("jobs.yaml", b"#" * (LARGEST_FILE + 1)).problems(rule_prefix="", max_tasks=1)
    assert str(found) == "file: has more than 1,048,576 bytes, the limit for a schedule file; make it shorter"
    assert source.read("jobs.yaml", b"tasks: []".ljust(LARGEST_FILE)).problems(rule_prefix="", max_tasks=1) == ()


def test_check_writes_what_is_uploaded(tmp_path: Path) -> None:
    jobs, written = tmp_path / "jobs.yaml", tmp_path / "scheduled_tasks.json"
    jobs.write_text(JOBS)
    done = check(str(jobs), "-o", str(written))
    assert (done.exit_code, done.stdout.partition(";")[0]) == (0, "OK: 2 tasks")
    report = parse_schedule_file(written.read_bytes(), rule_prefix="", max_tasks=2)[1]
    assert report.command == ("./bin/report", "--days", "30")
    assert lines.line_of(written.read_text(), "Report") == "line 7 of jobs.yaml"
    assert check(str(jobs), "-o", str(written)).exit_code == 0, "a schedule file is written over"
    assert check("-", "-o", "-", stdin=JOBS).stdout_bytes == written.read_bytes().replace(b'"jobs.yaml"', b'"-"')


def test_check_writes_over_nothing_else(tmp_path: Path) -> None:
    jobs, mine = tmp_path / "jobs.yaml", tmp_path / "scheduled_tasks.json"
    jobs.write_text(JOBS)
    mine.write_text('{"mine": 1}')
    done = check(str(jobs), "-o", str(mine))
    assert (done.exit_code, mine.read_text()) == (2, '{"mine": 1}')


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{\n"tasks": [\n{"name" : "A"}]\n}\n', "line 3"),
        ('{"tasks": []}', None),
        ('\n{"x-rota-source": "jobs.yaml",\n"tasks": [{"name": "A"}]}', "line 3"),
        ('{"x-rota-source": {"file": "a"},\n"tasks": [{"name": "A"}]}', "line 2"),
        ('{"x-rota-source": {"file": "a", "lines": {"B": 7}},\n"tasks": [{"name": "A"}, {"name": "B"}]}', "line 2"),
        ('{"x-rota-source": {"file": "a", "lines": {"A": 7}},\n"tasks": [{"name": "A"}]}', "line 7 of a"),
    ],
    ids=["JSON", "no task", "a key of its own", "no lines", "lines of others", "of YAML"],
)
def test_the_line_of_a_task_in_json(text: str, where: str | None) -> None:
    assert lines.line_of(text, "A") == where


TASK = "tasks:\n  - name: A\n    task: a\n    "
FAULTS = {
    "a step of crontab": (TASK + "cron: */5 * * * ? *", 'line 4, column 11: a text that begins with * must be'),
    "every minute": (TASK + "cron: * * * * ? *  # all", 'write "* * * * ? *"'),
    "a macro": (TASK + "cron: @daily", 'write "@daily"'),
    "a key": ("@tasks: []", 'a text that begins with @ must be in quotes; write "@tasks"'),
    "a ? in braces": ("tasks: [{name: A, cron: 0 7 * * ? *, task: a}]", 'in quotes here; write "0 7 * * ? *"'),
    "an anchor": (TASK + "cron: &six 0 6 * * ? *", "line 4, column 11: &six is an anchor"),
    "an alias": (TASK + "cron: *six", "line 4, column 11: *six is an alias"),
    "a tag": (TASK + "cron: !!str 6", "line 4, column 11: !!str is a tag"),
    "a repeated key": (TASK + "task: b", "line 4, column 5: the key task is repeated, it is in line 3 too"),
    "a merge": (TASK + "<<: {}", "line 4, column 5: << merges an object"),
    "two documents": ("tasks: []\n---\ntasks: []", "line 2, column 1: a second document begins"),
    "a tab": ("tasks:\n\t- name: A", "line 2, column 1: a tab; indent with spaces"),
    "a colon": (TASK + "description: Mailed: weekly", "line 4, column 24: a colon and a space inside a text"),
    "an open bracket": ("tasks: [", "line 1, column 9: a bracket is not closed"),
    "an open quote": ('tasks: "', "this quote has no end"),
    "an indent": ("tasks:\n  - name: A\n   task: a", "line 3, column 4: this is indented otherwise"),
    "a key that is a list": ("? [a]\n: 1", "line 1, column 3: a key is a list or an object"),
    "a control character": ("tasks: [\n\x07]", r"line 2, column 1: the character '\x07' is not allowed"),
    "too deep": ("a: " + "[" * 1000, "is nested too deeply"),
    "on": (TASK + "rate: 1 hour\n    enabled: on", 'line 5, tasks[0].enabled: "on" is not allowed'),
    "yes": (TASK + "rate: 1 hour\n    enabled: yes", "without quotes (in YAML 1.2 yes is text)"),
    "a key without a meaning": (TASK + "rate: 1 hour\n    taks: 1", "line 5, tasks[0].taks: is not a known key"),
    "a text for a task": ("tasks: [SendMail]", "line 1, tasks[0]: "),
    "nothing": ("# later", 'file: is null; write {"tasks": [...]}'),
}  # fmt: skip


@pytest.mark.exhaustive(first=9)
@pytest.mark.parametrize(("text", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_has_its_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "jobs.yaml").write_text(text)
    done = check(str(tmp_path / "jobs.yaml"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert words in done.stderr


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "y", "n", "Yes", "NO", "Off", "maybe"])
def test_what_older_yaml_takes_for_true_and_false_is_text(word: str) -> None:
    text = f"{TASK}rate: 1 hour\n    enabled: {word}"
    (found,) = source.read("jobs.yaml", text.encode()).problems(rule_prefix="", max_tasks=9)
    assert found.problem.endswith(f" (in YAML 1.2 {word} is text)") == (word != "maybe")


MORE_FAULTS = {
    "a text in a list": "tasks: [*a, b]",
    "a comma": "tasks: [a b: c, 'd' 'e']",
    "no colon": "tasks:\n  - name: A\n  x\n",
    "an escape": 'a: "\\q"',
    "a document in a quote": "a: 'x\n---\n'",
    "a % at the beginning": "a: %b # c",
    "a backtick": "a: `b`",
    "a key in braces": "tasks: [{name: A, @cron: 1}]",
    "an anchor without a name": "a: & b",
    "an alias in a list": "a:\n  - * b",
    "a text after a quote": "a: 'b' c",
    "a tag of its own": "a: !Ref b",
    "a merge in quotes": 'tasks: []\n"<<": 1',
    "a key that is an object": "{a: 1}: 2\nb: 3",
    "an anchor on a list": "a: &x [1]\nb: *x",
    "a key in an object": "before: {@task: a}",
    "a text in brackets": "command: [@a, b]",
    "the last text in brackets": "tasks: [{name: A, task: @a}]",
    "a long text": f"a: @{'x' * 70}",
    "a long text in braces": f"tasks: [{{name: A, cron: {'0 ' * 40}* ? *, task: a}}]",
    "another version of YAML": "%YAML 3.0\n---\ntasks: []",
    "a key that is a list, of a list": "? [a]\n: [b]\n? {c: d}\n: {e: f}",
    "an alias for a key": "*a : 1\nb: 2",
    "a number for true": TASK + "rate: 1 hour\n    enabled: 1",
    "on in quotes": TASK + 'rate: 1 hour\n    enabled: "on"',
    "tasks that are an object": "tasks: {name: A}",
    "tasks that are a number": "tasks: 5",
    "names that are none": "tasks:\n- {name: [A], task: a, rate: 1 hour}\n- {name: 5, task: a, rate: 1 hour}",
    "a list alone": "- {name: A}",
}


def test_each_fault_is_said_whole() -> None:
    cases = {name: text for name, (text, _) in FAULTS.items()} | MORE_FAULTS
    shown = []
    for name, text in cases.items():
        found = source.read("jobs.yaml", text.encode()).problems(rule_prefix="", max_tasks=9)
        shown += [name, *(f"  {each}" for each in found)]
    assert_as_in_the_file("yaml_faults", "\n".join([*shown, ""]))


ERRORS = {"no place": yaml.YAMLError("it is odd"), "no mark": yaml.MarkedYAMLError(problem="it is odd")}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_an_error_of_the_library_that_names_no_place_is_said(error: yaml.YAMLError) -> None:
    assert yaml_errors.explain(error, "a") == ((1, 1), "is not YAML (it is odd)")


def test_latin_1_is_refused_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "jobs.yaml").write_bytes("tasks: []\n# für".encode("latin-1"))
    assert "line 2: is not UTF-8" in check(str(tmp_path / "jobs.yaml")).stderr


def test_all_faults_are_listed_and_as_json_too() -> None:
    done = check("-", "--json", stdin=f"{TASK}cron: 0 25 * * ? *\n    taks: 1\n")
    faults = [(each["line"], each["place"]) for each in json.loads(done.stdout)["faults"]]
    assert (done.exit_code, faults) == (1, [(4, "tasks[0].cron"), (5, "tasks[0].taks")])


@pytest.mark.parametrize(
    ("live", "undo"),
    [
        (
            {"live_schedule_key": "jobs.json", "live_schedule_version": "v1"},
            "To put the live one back: aws s3api copy-object --bucket b --key jobs.json --copy-source "
            "'b/jobs.json?versionId=v1'",
        ),
        ({"live_schedule_key": "b81d07e.json"}, "To remove it: aws s3 rm s3://b/jobs.json"),
        (None, "To remove it: aws s3 rm s3://b/jobs.json"),
    ],
    ids=["of the live key", "of another key", "nothing is live"],
)
def test_what_stays_in_the_bucket_after_a_failure(live: dict[str, str] | None, undo: str) -> None:
    said = Upload("new.yaml", "jobs.json", b"{}").stays("b", live)
    assert said == f"new.yaml stays in the bucket, and the next push reads it. {undo}"


@pytest.mark.parametrize(("tasks", "count"), [(1, "1 problem"), (2, "2 problems")])
def test_a_file_with_problems_is_neither_planned_nor_deployed(tmp_path: Path, tasks: int, count: str) -> None:
    account = Account(Output(), region="eu-west-1")
    account.__dict__["stack"] = Stack("rota", "arn", "", {}, {"RulePrefix": "production__shop__"})
    file = tmp_path / "jobs.json"
    file.write_text(json.dumps({"tasks": [{"name": f"A{n}", "task": "a", "rate": "5 min"} for n in range(tasks)]}))
    with pytest.raises(CommandError) as refused:
        checked(account, str(file), "plan")
    error = refused.value
    assert (error.code, error.error, error.acts) == (Exit.FAILED, "ConfigError", "author")
    assert (error.message, error.todo) == (f"{file} has {count}", "correct that, then plan again")
    assert error.listed.count("tasks[") == tasks


WRITTEN: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "nothing": ([], '{"tasks": []}\n', "tasks: []\n"),
    "two": (
        [{"name": "für", "enabled": False, "command": ["on", "012"]}, {"name": "A", "at": "2027-01-01T00:00:00"}],
        '{"tasks": [\n  {"name": "für", "enabled": false, "command": ["on", "012"]},\n'
        '  {"name": "A", "at": "2027-01-01T00:00:00"}\n]}\n',
        "tasks:\n  - name: für\n    enabled: false\n    command:\n    - 'on'\n    - \"012\"\n"
        "  - name: A\n    at: '2027-01-01T00:00:00'\n",
    ),
    "a long text": (
        [{"description": f"{'x' * 50} {'y' * 50} z{'z' * 30}"}],
        f'{{"tasks": [\n  {{"description": "{"x" * 50} {"y" * 50} z{"z" * 30}"}}\n]}}\n',
        f"tasks:\n  - description: {'x' * 50} {'y' * 50}\n      z{'z' * 30}\n",
    ),
    "a text of a hundred": (
        [{"description": f"{'x' * 80} {'y' * 10}"}],
        f'{{"tasks": [\n  {{"description": "{"x" * 80} {"y" * 10}"}}\n]}}\n',
        f"tasks:\n  - description: {'x' * 80} {'y' * 10}\n",
    ),
}


@pytest.mark.parametrize(("tasks", "as_json", "as_yaml"), WRITTEN.values(), ids=WRITTEN)
def test_the_text_of_a_file_that_is_written(tasks: list[dict[str, Any]], as_json: str, as_yaml: str) -> None:
    assert writer.text_of(tasks, yaml=False) == as_json
    assert writer.text_of(tasks, yaml=True) == as_yaml


def test_a_file_is_written_over_only_if_that_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "jobs.YAML"
    writer.write(str(file), [])
    with pytest.raises(CommandError) as refused:
        writer.write(str(file), [{"name": "A"}])
    error = refused.value
    assert (error.code, error.message) == (Exit.MISUSED, f"there is a file {file} already")
    assert error.todo == "name another one, or add --yes"
    assert file.read_text() == "tasks: []\n"
    writer.write(str(file), [{"name": "A"}], overwrite=True)
    assert file.read_text() == "tasks:\n  - name: A\n"
    with pytest.raises(CommandError) as refused:
        writer.write(str(tmp_path), [], overwrite=True)
    error = refused.value
    assert (error.code, error.message) == (Exit.MISUSED, f"{tmp_path} cannot be written: Is a directory")
    assert error.todo == "name another one"
