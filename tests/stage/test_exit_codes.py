"""The command's exit codes as one table: each is played, and stderr says it as JSON."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from examples.guestbook.client import Client
from rota.cli.exits import Exit
from tests.stage.conftest import Rota, assert_as_the_schema_says

WRONG = b'{"tasks": [{"name": "A", "task": "a", "rate": "5 min"}]}'
Arrange = Callable[[Client, pytest.MonkeyPatch], object]


class Case(NamedTuple):
    """Commands in turn, each with its exit code, and words of the last one's error; it has none that is an answer."""

    commands: list[tuple[int, str]]
    words: str | None = None
    arrange: Arrange = lambda *_: None


def refused(fault: str, service: str = "cloudformation", operation: str = "DescribeStacks") -> Arrange:
    scripted = {"service": service, "operation": operation, "count": 0, "fault": fault}
    return lambda stage, _patch: stage.faults([scripted])


def unreachable(_stage: Client, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")


def without(*names: str) -> Arrange:
    def arrange(_stage: Client, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in (*names, "AWS_DEFAULT_REGION"):
            patch.delenv(name, raising=False)

    return arrange


def cannot_be_restored(stage: Client, _patch: pytest.MonkeyPatch) -> None:
    stage.settings(time_scale=0.0005)
    # From RegisterRevisions on no function starts.
    stage.faults([{"service": "lambda", "operation": "Invoke", "skip": 3, "count": 0, "fault": "denied"}])


def hangs(stage: Client, _patch: pytest.MonkeyPatch) -> None:
    stage.settings(rollout="hangs")


def never_begins(stage: Client, _patch: pytest.MonkeyPatch) -> None:
    stage.settings(start_seconds=600)


def interrupted(_stage: Client, patch: pytest.MonkeyPatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    patch.setattr("rota.cli.execution.time", SimpleNamespace(sleep=interrupt, monotonic=lambda: 0.0))


# The first case of each code comes first.
CASES = {
    "0, done": Case([(0, "status")]),
    "1, it failed": Case(
        [(1, "deploy --again --yes")], "it failed", lambda stage, _patch: stage.upload_schedule(WRONG)
    ),
    "2, no terminal": Case([(2, "deploy --image v1")], "it would ask: Deploy v1 to production/guestbook-api"),
    "3, differs": Case([(3, "plan --exit-code --image initial")]),
    "4, denied": Case([(4, "status")], "you may not cloudformation:DescribeStacks", refused("denied")),
    "5, half done": Case([(5, "deploy --image initial --yes"), (5, "status")], None, cannot_be_restored),
    "6, held": Case([(0, "pause --deployments --yes --reason sale"), (6, "deploy --image initial --yes")]),
    "124, time is over": Case([(124, "run IngestData --yes --timeout 9s")], "The job continues.", never_begins),
    "125, it never ran": Case([(125, "run IngetsData")], "there is no job IngetsData"),
    "130, Ctrl-C": Case(
        [(130, "deploy --again --yes")], "The work continues. Watch it again: rota deploy", interrupted
    ),
    "124, a deployment continues": Case(
        [(124, "deploy --image initial --yes --timeout 1s")], "The work continues. Watch it again: rota deploy", hangs
    ),
    "0, deployed": Case([(0, "deploy --again --yes")]),
    "0, a plan": Case([(0, "plan --exit-code"), (0, "plan --image initial")]),
    "0, nothing is barred": Case([(0, "resume --barred")]),
    "1, a file with problems": Case([(1, "check -")]),
    "1, throttled": Case([(1, "status")], "AWS throttles DescribeStacks", refused("throttle")),
    "1, AWS fails": Case([(1, "status")], "AWS has an error of its own in DescribeStacks", refused("internal")),
    "1, no network": Case(
        [(1, "status")],
        "AWS_ENDPOINT_URL is http://127.0.0.1:1: start what it names",
        unreachable,
    ),
    "1, a plan that would fail": Case(
        [(1, "plan")], "it would fail, before anything changes", lambda stage, _patch: stage.upload_schedule(WRONG)
    ),
    "2, no Region": Case([(2, "status")], "no Region is set", without("AWS_REGION")),
    "1, a file to plan has problems": Case([(1, "plan --file -")], "- has 1 problem"),
    "1, a file to deploy has problems": Case([(1, "deploy --schedule - --yes")], "- has 1 problem"),
    "2, an earlier deployment has its file": Case(
        [(2, "deploy --schedule a.json --again --yes")], "--again is about an earlier one"
    ),
    "4, denied to upload a file": Case(
        [(4, "deploy --schedule examples/app/scheduled_tasks.json --yes")],
        "you may not s3:PutObject",
        refused("denied", "s3", "PutObject"),
    ),
    "2, two ends of a calendar": Case([(2, "next --for 1d --until 18:00")], "--for and --until both say when it ends"),
    "2, an unknown option": Case([(2, "status --wach")], "No such option '--wach'"),
    "2, a wrong value": Case([(2, "deploy --again --timeout soon")], "Invalid value for '--timeout'"),
    "2, no file": Case([(2, "check nowhere.json")], "nowhere.json cannot be read"),
    "2, no reason": Case([(2, "rollback --yes")], "a rollback needs a reason"),
    "2, no reason to hold": Case([(2, "pause --deployments --yes")], "a pause needs a reason"),
    "2, nothing is named": Case([(2, "deploy")], "name what to deploy"),
    "2, too much is named": Case([(2, "deploy --image v1 --again")], "--image and --again each say what to deploy"),
    "4, no credentials": Case(
        [(4, "status")],
        "there are no AWS credentials",
        without("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ),
    "4, denied while it watches": Case(
        [(4, "deploy --again --yes")],
        "The work continues. Watch it again: rota deploy --watch deploy-",
        lambda stage, _patch: stage.faults(
            [{"service": "stepfunctions", "operation": "GetExecutionHistory", "count": 0, "fault": "denied"}]
        ),
    ),
    "4, no such stack": Case([(4, "status --stack rotta")], "there is no stack rotta"),
    "4, no such image": Case([(4, "plan --image nope")], "there is no image nope in the repository guestbook"),
    "4, no such release": Case([(4, "explain v99")], "there is no release or deployment v99"),
    "4, no such task": Case([(4, "history --task IngetsData")], "there is no job IngetsData"),
    "2, no service": Case([(2, "init shop")], "'shop' is no service"),
    "2, a file has no service": Case([(2, "import rules.yaml --tag")], "--tag and --service are about rules in AWS"),
    "4, no such rule": Case([(4, "import nope__")], "there is no rule and no schedule whose name begins with nope__"),
    "4, no such service": Case([(4, "init production/nope")], "there is no service nope on the ECS cluster production"),
    "4, no such job to pause": Case([(4, "pause RemoveSpan --reason x")], "there is no job RemoveSpan"),
    "4, no such job to resume": Case(
        [(0, "resume RemoveSpam"), (4, "resume RemoveSpan")], "there is no job RemoveSpan"
    ),
    "4, nothing to restore": Case([(4, "restore --yes")], "nothing deploys, and nothing is half done"),
}

# Commands about jobs and moving in, each with a call that it makes.
ASKS = {
    "run": ("run IngestData --yes", "ecs", "RunTask"),
    "run --release": ("run IngestData --release v1 --yes", "s3", "GetObject"),
    "run --failed": ("run --failed --yes", "dynamodb", "Query"),
    "stop": ("stop IngestData --yes", "ecs", "ListTasks"),
    "logs": ("logs IngestData", "dynamodb", "Query"),
    "logs of a deployment": ("logs --deployment", "logs", "FilterLogEvents"),
    "next": ("next", "events", "ListRules"),
    "import": ("import", "events", "ListTargetsByRule"),
    "init": ("init production/guestbook-api", "ecs", "DescribeServices"),
}
REFUSALS = {
    "denied": (4, "you may not "),
    "throttled": (1, "AWS throttles "),
    "AWS fails": (1, "AWS has an error of its own in "),
    "no network": (1, "AWS cannot be reached"),
}
FAULTS = {"denied": "denied", "throttled": "throttle", "AWS fails": "internal"}


def refusals() -> Iterator[tuple[str, Case]]:
    for name, (line, service, operation) in ASKS.items():
        for refusal, (of_others, words) in REFUSALS.items():
            arrange = refused(FAULTS[refusal], service, operation) if refusal in FAULTS else unreachable
            code = Exit.NOT_RUN if line.startswith("run") else of_others
            yield f"{int(code)}, {name}: {refusal}", Case([(code, line)], words, arrange)


CASES |= dict(refusals())


@pytest.mark.exhaustive(first=len(Exit))
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_exit_code(deployed: Client, rota: Rota, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    case.arrange(deployed, monkeypatch)
    for code, line in case.commands:
        done = rota(*shlex.split(line), "--json")
        assert done.exit == code, (line, done)
        printed = [json.loads(each) for each in done.out.splitlines()] if '{"event"' in done.out else []
        for each in [*printed, *map(json.loads, done.err.splitlines())]:
            assert_as_the_schema_says(each)
        if done.err:
            assert json.loads(done.err)["exit"] == code
    if case.words:
        error = json.loads(done.err)
        assert case.words in f"{error['message']}: {error['todo']}"


def test_the_first_cases_play_each_code() -> None:
    first = [*CASES.values()][: len(Exit)]
    assert {case.commands[0][0] for case in first} | {6} == {*Exit}


def test_for_people_the_error_ends_with_what_to_do(deployed: Client, rota: Rota) -> None:
    done = rota("history", "--task", "IngetsData")
    assert (done.exit, done.out) == (4, "")
    assert done.err == "rota: there is no job IngetsData\ndid you mean IngestData?\n"


LEAVES_OFF = {
    "an answer": (["next", "--all", "--for", "31d"], 0, ""),
    "the job continues": (["run", "IngestData", "--yes", "--", "echo", "a"], 130, "The job continues."),
}


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(("arguments", "code", "words"), LEAVES_OFF.values(), ids=LEAVES_OFF)
def test_a_reader_that_leaves_off(deployed: Client, rota: Rota, arguments: list[str], code: int, words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "rota", *arguments]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr


AT_CTRL_C = {
    "logs": (["logs", "IngestData", "-f"], "Stopped watching; the job continues. Stop it: rota stop "),
    "stop": (["stop", "IngestData", "--yes"], "may be stopping. See: rota logs --run "),
    "next": (["next"], "Nothing was changed."),
    "import": (["import"], "Nothing was changed."),
    "import, with a file": (["import", "-o", "a.json"], "a.json may be written; nothing was changed in AWS."),
    "init": (["init", "production/guestbook-api"], "samconfig.toml and scheduled_tasks.json may be written."),
}


@pytest.mark.exhaustive(first=0)
@pytest.mark.parametrize(("arguments", "words"), AT_CTRL_C.values(), ids=AT_CTRL_C)
def test_after_ctrl_c(
    deployed: Client,
    rota: Rota,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    words: str,
) -> None:
    """It comes while a job is followed, or at the end."""

    def interrupt(*_arguments: object, **_more: object) -> None:
        raise KeyboardInterrupt

    deployed.settings(start_seconds=600)
    assert rota("run", "IngestData", "--yes", "--no-wait").exit == 0
    monkeypatch.setattr("rota.cli.logs.follow.time", SimpleNamespace(sleep=interrupt, monotonic=lambda: 0.0))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rota.cli.stop.stop.by_a_person", interrupt)
    monkeypatch.setattr("rota.cli.output.Output.answer", interrupt)
    done = rota(*arguments)
    assert (done.exit, words in done.err) == (130, True), done.err
