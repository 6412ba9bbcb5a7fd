"""The command `rota` itself: its version, its help, and what it loads for them."""

import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import click
import pytest
from botocore.exceptions import NoRegionError
from click.testing import CliRunner

import rota
from docs import generated
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account, ended
from rota.cli.main import main
from rota.cli.output import Output
from tests.examples import ROOT

LAYER = ROOT / "layers" / "rota"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rota", *arguments]
    variables = {**os.environ, "COLUMNS": "80"}
    return subprocess.run(command, cwd=LAYER, env=variables, capture_output=True, text=True, check=False)


def test_it_prints_its_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"rota {rota.__version__}\n", "")


def test_help_lists_the_commands() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "  check           Check a schedule file; or the stack and all it needs.\n" in done.stdout
    assert "  verify-account  Try in your account what Rota assumes of AWS.\n" in done.stdout


def test_the_help_of_each_command_has_an_example() -> None:
    context = click.Context(main)
    shown = {name: CliRunner().invoke(main, [name, "--help"]).stdout for name in main.list_commands(context)}
    assert [name for name, text in shown.items() if not re.search(rf"\n +Example:\n +.*rota {name}\b", text)] == []


def test_each_command_has_the_name_by_which_it_is_typed() -> None:
    context = click.Context(main)
    commands = {name: main.get_command(context, name) for name in main.list_commands(context)}
    assert {name: command and command.name for name, command in commands.items()} == {name: name for name in commands}


def test_the_document_has_each_command_and_exit_code_as_it_is() -> None:
    document = (ROOT / "docs" / "cli.md").read_text()
    assert generated.commands() in document, "make docs writes it"
    assert generated.exit_codes() in document, "make docs writes it"


def test_an_option_is_a_flag_or_says_what_it_takes() -> None:
    context = click.Context(main)
    commands = {name: main.get_command(context, name) for name in main.list_commands(context)}
    unsaid = {
        f"{name} {each.opts[0]}"
        for name, command in commands.items()
        for each in (command.params if command else ())
        if isinstance(each, click.Option) and not each.is_flag
        if each.metavar is None and not isinstance(each.type, click.Choice)
    }
    of_verify = ("--subnets", "--security-groups", "--image", "--region", "--journals")
    assert unsaid == {"check --rule-prefix", *(f"verify-account {name}" for name in of_verify)}


def test_every_option_says_what_it_does() -> None:
    context = click.Context(main)
    commands = {name: main.get_command(context, name) for name in main.list_commands(context)}
    unsaid = [
        f"{name} {each.opts[0]}"
        for name, command in commands.items()
        for each in (command.params if command else ())
        if isinstance(each, click.Option) and not each.help
    ]
    assert unsaid == []


def test_an_unknown_command_is_misuse() -> None:
    done = run("chekc")
    assert done.returncode == 2
    assert "No such command 'chekc'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--help"], {}),
        (["--version"], {}),
        (["check", "--help"], {}),
        (["verify-account", "--help"], {}),
        ([], {"_ROTA_COMPLETE": "zsh_complete", "COMP_WORDS": "rota check --", "COMP_CWORD": "2"}),
    ],
    ids=["help", "version", "a command's help", "another command's help", "completion"],
)
def test_it_loads_click_alone(arguments: list[str], variables: dict[str, str]) -> None:
    program = f"""
import sys
from rota.cli.main import main
try:
    main({arguments}, prog_name="rota")
finally:
    sys.stderr.write(" ".join({{name.partition(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=LAYER, env=variables, capture_output=True, text=True, check=False
    )
    assert done.stdout
    loaded = set(done.stderr.split())
    assert {"click", "rota"} <= loaded
    assert not loaded & {"pydantic", "boto3", "botocore", "urllib3", "rich", "aws_lambda_powertools"}


@pytest.mark.parametrize("command", ["status", "history"])
def test_what_is_typed_often_loads_no_models(command: str) -> None:
    program = f"""
import sys
from rota.cli.{command} import gather, text
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=LAYER, capture_output=True, text=True, check=True)
    assert {f"rota.cli.{command}.gather", "rota.cli.table"} <= {*done.stdout.split()}
    assert not {"pydantic", "rota.contract"} & {*done.stdout.split()}


def test_shown_options_are_as_a_shell_reads_them() -> None:
    assert Account(Output(), stack="rota", profile="the shop").options == " --stack rota --profile 'the shop'"
    assert Account(Output(), env="prod", region="r").options == " --env prod --region r"


def of(error: BaseException, said: str = "") -> tuple[int, str]:
    """How a command ends that this happens to, and what it says."""
    account = Account(Output())
    account.interrupted = said
    fallen = io.StringIO()
    with redirect_stderr(fallen):
        code = ended(account.output, account, lambda: _raise(error))
    return code, fallen.getvalue()


def _raise(error: BaseException) -> NoReturn:
    raise error


@pytest.mark.parametrize(
    ("error", "said", "code", "words"),
    [
        (KeyboardInterrupt(), "", 130, "rota: stopped\nNothing was changed.\n"),
        (click.Abort(), "It continues.", 130, "rota: stopped\nIt continues.\n"),
        (CommandError(Exit.DIFFERS, "a", "b", listed="  c"), "d", 3, "rota: a\n  c\nb\n"),
        (NoRegionError(), "", 2, "rota: no Region is set\nname it with --region, or export AWS_REGION\n"),
        (
            NoRegionError(),
            "It may run.",
            2,
            "rota: no Region is set\nname it with --region, or export AWS_REGION\nIt may run.\n",
        ),
    ],
    ids=["Ctrl-C", "Ctrl-C at a question", "what it says itself", "botocore", "botocore, after it began"],
)
def test_how_a_command_ends(error: BaseException, said: str, code: int, words: str) -> None:
    assert of(error, said) == (code, words)


def test_a_fault_of_its_own_is_shown_whole() -> None:
    with pytest.raises(ZeroDivisionError):
        of(ZeroDivisionError())


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (CommandError(Exit.TIMED_OUT, "too long"), 124, "rota: too long\n"),
        (CommandError(Exit.FAILED, "no"), 125, "rota: no\n"),
        (NoRegionError(), 125, "rota: no Region is set\nname it with --region, or export AWS_REGION\n"),
        (ZeroDivisionError("x"), 125, "rota: the command itself failed: x\nreport the lines above\n"),
    ],
    ids=["its time is over", "its own words", "botocore", "a fault of its own"],
)
def test_how_a_command_ends_that_exits_as_a_job(error: Exception, code: int, words: str) -> None:
    account, fallen = Account(Output()), io.StringIO()
    with redirect_stderr(fallen):
        assert ended(account.output, account, lambda: _raise(error), Exit.NOT_RUN) == code
    assert fallen.getvalue().endswith(words)


def test_the_clock_is_that_of_aws_if_that_is_far_from_this_one() -> None:
    account = Account(Output())
    for ahead, taken in ((31, True), (29, False), (-31, True), (-29, False)):
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
        account._hear(SimpleNamespace(headers={"Date": date}))
        assert (abs((account.now() - datetime.now(UTC)).total_seconds()) > 20) == taken
    for headers in ({}, {"Date": "yesterday"}):
        account._hear(SimpleNamespace(headers=headers))
    assert abs((account.now() - datetime.now(UTC)).total_seconds()) < 20


@pytest.mark.parametrize(
    ("interrupted", "code", "words"),
    [("", 0, ""), ("It continues.", 130, "rota: the reader of the answer is gone\nIt continues.\n")],
    ids=["it only asked", "something was begun"],
)
def test_a_reader_that_has_seen_enough_ends_it_quietly(interrupted: str, code: int, words: str) -> None:
    program = f"""
import os, sys
from rota.cli.frame import Account, ended
from rota.cli.output import Output

reads, writes = os.pipe()
os.dup2(writes, sys.stdout.fileno())
os.close(reads)
account = Account(Output())
account.interrupted = {interrupted!r}
sys.exit(ended(account.output, account, lambda: print("x" * 100_000)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=LAYER, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, words)


def test_how_aws_is_asked() -> None:
    account = Account(Output(), region="eu-west-1")
    client = account.client("sts")
    assert account.client("sts") is client
    config = client.meta.config
    assert (client.meta.region_name, config.user_agent_extra) == ("eu-west-1", "rota-cli")
    assert config.retries == {"mode": "standard", "total_max_attempts": 4}
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (5, 30, 32)


def test_the_region_is_named_or_that_of_the_environment_or_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile shop]\nregion = eu-north-1\n")
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert Account(Output(), region="eu-west-3", profile="shop").region == "eu-west-3"
    assert Account(Output(), profile="shop").region == "eu-west-2"
    monkeypatch.delenv("AWS_REGION")
    assert Account(Output(), profile="shop").region == "eu-north-1"
    with pytest.raises(NoRegionError):
        assert Account(Output()).region
