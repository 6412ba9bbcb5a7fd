"""What the shell completes: from the user's cache, without a call and without loading what calls."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import pytest
from botocore.exceptions import InvalidRegionError, ProfileNotFound
from click.testing import CliRunner

from rota.cli.completion import cache, names, refresh
from rota.cli.frame import Account
from rota.cli.main import main
from rota.cli.output import Output
from tests.cli.conftest import Aws
from tests.examples import ROOT

LAYER = ROOT / "layers" / "rota"
FOUND = {"tasks": ["IngestData", "RemoveSpam"], "releases": ["v2", "v1", "4f2a9c1"], "stacks": ["rota", "rota-staging"]}
WHERE = cache.Where(stack=None, profile=None, region="eu-west-1", endpoint=None)
# What the programs of this test may start would write here.
PROGRAM = """
import sys
from rota.cli.main import main
try:
    main([], prog_name="rota")
finally:
    sys.stderr.write(" ".join({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, with names that are new."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "ROTA_STACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    cache.write(WHERE, FOUND)
    return tmp_path / "cache" / "rota"


def completed(line: str) -> tuple[list[str], set[str]]:
    """What is offered for the last word of a line, and the packages that were loaded for it."""
    words = line.split(" ")
    variables = {"_ROTA_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **variables, "PYTHONPATH": str(LAYER)},
        capture_output=True,
        text=True,
        check=False,
    )
    return [each.partition(",")[2] for each in done.stdout.splitlines()], set(done.stderr.split())


def test_names_come_from_the_cache_and_only_click_is_loaded(folder: Path) -> None:
    offered, loaded = completed("rota explain ")
    assert offered == [*FOUND["tasks"], *FOUND["releases"]]
    assert {"click", "rota"} <= loaded
    assert not loaded & {
        "pydantic",
        "boto3",
        "botocore",
        "urllib3",
        "rich",
        "yaml",
        "subprocess",
        "aws_lambda_powertools",
    }
    assert [file.suffix for file in folder.iterdir()] == [".json"], "another process was started"


COMPLETED = {
    "explain R": ("explain", "name", names.tasks_and_releases, ["RemoveSpam"]),
    "history --task": ("history", "task", names.tasks, FOUND["tasks"]),
    "pause": ("pause", "tasks", names.tasks, FOUND["tasks"]),
    "resume": ("resume", "tasks", names.tasks, FOUND["tasks"]),
    "run": ("run", "task", names.tasks, FOUND["tasks"]),
    "logs": ("logs", "task", names.tasks, FOUND["tasks"]),
    "stop": ("stop", "name", names.tasks, FOUND["tasks"]),
    "rollback": ("rollback", "release", names.releases, FOUND["releases"]),
    "plan --image": ("plan", "image", names.releases, FOUND["releases"]),
    "deploy --image": ("deploy", "image", names.releases, FOUND["releases"]),
    "deploy --image-of": ("deploy", "image_of", names.stacks, FOUND["stacks"]),
    "status --stack": ("status", "stack", names.stacks, FOUND["stacks"]),
}


@pytest.mark.parametrize(("command", "parameter", "_completer", "expected"), COMPLETED.values(), ids=COMPLETED)
def test_each_name_is_completed(
    folder: Path, command: str, parameter: str, _completer: names.Completer, expected: list[str]
) -> None:
    made = main.get_command(click.Context(main), command)
    assert made
    (found,) = (each for each in made.params if each.name == parameter)
    offered = found.shell_complete(click.Context(made), "R" if len(expected) == 1 else "")
    assert [each.value for each in offered] == expected


def test_environments_come_from_samconfig(folder: Path) -> None:
    (Path.cwd() / "samconfig.toml").write_text((ROOT / "samconfig.toml").read_text())
    status = main.get_command(click.Context(main), "status")
    assert status
    (env,) = (each for each in status.params if each.name == "env")
    offered = [each.value for each in env.shell_complete(click.Context(status), "")]
    assert offered == ["default", "staging", "production"]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The processes that are started; none is."""
    commands: list[list[str]] = []
    apart = {"start_new_session": True, **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)}

    def start(command: list[str], **how: Any) -> None:
        assert how == apart, "it shares the terminal at which a person types"
        commands.append(command)

    monkeypatch.setattr("subprocess.Popen", start)
    return commands


def aged(file: Path, seconds: int) -> None:
    then = time.time() - seconds
    os.utime(file, (then, then))


def test_old_names_are_offered_and_another_process_is_started_once(folder: Path, started: list[list[str]]) -> None:
    aged(WHERE.file, 61)
    for _ in range(2):
        assert cache.names(WHERE, "tasks") == FOUND["tasks"]
    (command,) = started
    assert command[:3] == [sys.executable, "-m", "rota.cli.completion.refresh"]
    assert cache.Where(**json.loads(command[3])) == WHERE
    aged(WHERE.file.with_suffix(".asked"), 61)
    cache.names(WHERE, "tasks")
    assert len(started) == 2


@pytest.mark.parametrize("content", [None, "", "[]", '{"tasks": 3}'], ids=["none", "empty", "a list", "a number"])
def test_without_names_nothing_is_offered(folder: Path, started: list[list[str]], content: str | None) -> None:
    WHERE.file.unlink() if content is None else WHERE.file.write_text(content)
    assert cache.names(WHERE, "tasks") == []


@pytest.mark.parametrize(
    ("named", "refusal"),
    [({"profile": "nobodys"}, ProfileNotFound), ({"region": "no Region"}, InvalidRegionError)],
    ids=["profile", "Region"],
)
def test_names_are_asked_for_where_the_command_was_typed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, named: dict[str, str], refusal: type[Exception]
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(refusal):
        refresh.main(json.dumps({**asdict(WHERE), **named}))


def test_only_the_user_reads_the_names(folder: Path) -> None:
    (file,) = folder.iterdir()
    assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_each_stack_has_names_of_its_own(folder: Path) -> None:
    others = [
        cache.Where("a", None, None, None),
        cache.Where(None, "a", None, None),
        cache.Where(None, None, "a", None),
    ]
    assert len({each.file for each in (WHERE, *others)}) == 4


@pytest.mark.parametrize(
    ("command", "parameter"),
    [("check", "file"), ("plan", "file"), ("next", "file"), ("deploy", "schedule"), ("import", "source")],
)
def test_a_file_is_completed_by_the_shell(command: str, parameter: str) -> None:
    made = main.get_command(click.Context(main), command)
    assert made
    assert made
    (found,) = (each for each in made.params if each.name == parameter)
    assert [each.type for each in found.shell_complete(click.Context(made), "sch")] == ["file"]


@pytest.mark.parametrize(
    ("shell", "last"),
    [
        ("bash", "_rota_completion_setup;"),
        ("zsh", "fi"),
        ("fish", """complete --no-files --command rota --arguments "(_rota_completion)";"""),
    ],
)
def test_the_script_of_each_shell(shell: str, last: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell], prog_name="rota")
    assert done.exit_code == 0
    assert f"_ROTA_COMPLETE={shell}_complete" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1] == last
    assert ("autoload -Uz compinit" in done.stdout) is (shell == "zsh"), "a new ~/.zshrc has not switched it on"


@pytest.mark.parametrize(
    ("variables", "inside"),
    [
        ({"XDG_CACHE_HOME": "/x", "LOCALAPPDATA": "/l", "HOME": "/h"}, "/x/rota"),
        ({"XDG_CACHE_HOME": "", "LOCALAPPDATA": "/l", "HOME": "/h"}, "/l/rota"),
        ({"XDG_CACHE_HOME": "", "LOCALAPPDATA": "", "HOME": "/h"}, "/h/.cache/rota"),
    ],
    ids=["XDG", "Windows", "the home folder"],
)
def test_where_the_names_are(variables: dict[str, str], inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert re.fullmatch(rf"{inside}/names-[0-9a-f]{{8}}\.json", str(WHERE.file))


@pytest.mark.parametrize("seconds", [59, 61])
def test_names_are_new_for_a_minute(folder: Path, started: list[list[str]], seconds: int) -> None:
    aged(WHERE.file, seconds)
    cache.names(WHERE, "tasks")
    assert len(started) == (seconds > 60)


def test_where_no_process_can_be_started_old_names_are_offered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError

    monkeypatch.setattr("subprocess.Popen", refuse)
    aged(WHERE.file, 61)
    assert cache.names(WHERE, "tasks") == FOUND["tasks"]


def test_what_is_typed_and_the_environment_say_whose_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"AWS_PROFILE": "p", "AWS_REGION": "r", "AWS_ENDPOINT_URL": "e", "ROTA_STACK": "s"}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    context = click.Context(main)
    context.params = {}
    assert names._where(context) == cache.Where("s", "p", "r", "e")
    context.params = {"stack": "a", "profile": "b", "region": "c"}
    assert names._where(context) == cache.Where("a", "b", "c", "e")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "d")
    context.params = {"stack": "a", "env": "b"}
    assert names.tasks(context, click.Argument(["x"]), "") == [], "two stacks are named"
    context.params = {"stack": "a"}
    assert names._where(context).region == "d"


@pytest.mark.usefixtures("typed", "folder")
def test_the_names_that_are_asked_for(aws: Aws) -> None:
    made: list[dict[str, Any]] = [
        {"release": 2, "tag": "b2"},
        {"tag": "no release"},
        {"release": 1},
        {"release": 2, "tag": "b2"},
    ]
    aws.items = [
        {"app": "production/shop", "record": f"deployment#{9 - number}", **each} for number, each in enumerate(made)
    ]
    rules = [
        {"Name": f"shop__{name}", "Arn": "a", "State": "ENABLED", "ScheduleExpression": "rate(1 day)"} for name in "BA"
    ]
    aws.answers |= {"ListRules": {"Rules": rules}, "ListSchedules": {"Schedules": []}}
    other = {**aws.stack, "StackName": "other"}
    aws.answers["DescribeStacks"] = lambda asked: {
        "Stacks": [each for each in (aws.stack, other) if asked.get("StackName") in (None, each["StackName"])]
    }
    account = Account(Output())
    of_stack = {"tasks": ["A", "B"], "releases": ["v2", "v1", "b2"]}
    assert refresh.names(account, "rota") == {"stacks": ["other", "rota"], **of_stack}
    assert refresh.names(account, None) == {"stacks": ["other", "rota"]}, "it is not clear which"
    for stack, tasks in (("rota", ["A", "B"]), (None, [])):
        refresh.main(json.dumps(asdict(replace(WHERE, stack=stack))))
        assert cache.names(replace(WHERE, stack=stack), "tasks") == tasks


def test_of_a_file_that_another_version_wrote_the_names_are_offered(folder: Path, started: list[list[str]]) -> None:
    WHERE.file.write_text('{"tasks": ["A", 3, null, "B"]}')
    assert cache.names(WHERE, "tasks") == ["A", "B"]


def test_the_other_process_asks_for_whom_it_is_told(folder: Path) -> None:
    where = json.dumps(asdict(replace(WHERE, profile="nobodys")))
    variables = {**os.environ, "PYTHONPATH": str(LAYER), "AWS_CONFIG_FILE": os.devnull}
    command = [sys.executable, "-m", "rota.cli.completion.refresh", where]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("ProfileNotFound: The config profile (nobodys) could not be found")


def test_before_the_first_names_the_folder_is_made_for_the_user_alone(
    tmp_path: Path, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    assert (cache.names(WHERE, "tasks"), len(started)) == ([], 1)
    asked = WHERE.file.with_suffix(".asked")
    assert (asked.stat().st_mode & 0o777, asked.parent.stat().st_mode & 0o777) == (0o600, 0o700)
