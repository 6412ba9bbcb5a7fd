"""The command `rota` itself: its version, its help, and what it loads for them."""

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import rota
from rota.cli.frame import Account
from rota.cli.main import main
from rota.cli.output import Output
from tests.examples import ROOT

LAYER = ROOT / "layers" / "rota"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rota", *arguments]
    return subprocess.run(command, cwd=LAYER, capture_output=True, text=True, check=False)


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
