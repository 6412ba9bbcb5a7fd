"""`rota run`, `stop` and `logs` against the stage: a job starts as its schedule would, and the command ends as it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage.client import wait_for
from tests.stage.account import PREFIX
from tests.stage.conftest import Rota, assert_as_the_schema_says

INGEST = {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"}
FAILS = {"tasks": "scripted", "script": {"seconds": 0, "fails": 1, "exit_code": 3}}
ENDS: dict[str, tuple[dict[str, Any], list[str], int, str]] = {
    "it succeeds": ({}, ["IngestData", "--yes"], 0, "IngestData ended with exit code 0"),
    "it fails": (FAILS, ["IngestData", "--yes"], 3, "IngestData ended with exit code 3"),
    "it never ran": (
        {"tasks": "scripted", "script": {"does_not_start": 1}},
        ["IngestData", "--yes"],
        125,
        "IngestData never ran: ",
    ),
    "ECS has no capacity": ({"run_task": "capacity"}, ["IngestData", "--yes"], 125, "rota: ECS started nothing"),
    "ECS refuses": ({"run_task": "refused"}, ["IngestData", "--yes"], 125, "rota: you may not "),
    "no such job": ({}, ["Nope", "--yes"], 125, "rota: there is no job Nope\nthe jobs are CountTeaspoons, IngestData"),
    "no terminal": ({}, ["IngestData"], 125, "rota: it would ask: Run IngestData of production/guestbook-api"),
    "misused": ({}, ["--nope"], 125, "Usage: rota run"),
    "no job": ({}, [], 125, "rota: name the job"),
    "another command": ({}, ["IngestData", "--yes", "--", "sh", "-c", "exit 7"], 7, "it is no run of the job"),
    "timed out": ({"start_seconds": 600}, ["IngestData", "--yes", "--timeout", "9s"], 124, "The job continues."),
    "not waited for": ({"start_seconds": 600}, ["IngestData", "--yes", "--no-wait"], 0, "Stop it: rota stop "),
}


@pytest.mark.exhaustive(first=3)
@pytest.mark.parametrize(("settings", "arguments", "code", "words"), ENDS.values(), ids=ENDS)
def test_run_exits_as_the_job_did(
    deployed: Client, rota: Rota, settings: dict[str, Any], arguments: list[str], code: int, words: str
) -> None:
    deployed.settings(**settings)
    done = rota("run", *arguments)
    assert done.exit == code
    assert words in done.err
    assert "may have been started" not in done.err
    # The job's own lines are all that is on stdout.
    assert ("Ingested 4 postcards; the guestbook holds 4 entries." in done.out) == (words.endswith("code 0"))


@pytest.mark.exhaustive(first=0)
def test_a_job_runs_as_a_release_had_it(deployed: Client, rota: Rota) -> None:
    """The rule's image has changed since; another job has left the file."""
    v1 = task_definition_of(deployed, "IngestData")
    deployed.settings(tasks="scripted", script={"seconds": 0})
    deployed.upload_schedule(json.dumps({"tasks": [INGEST | {"environment": {"DRY": "1"}}]}).encode())
    assert rota("deploy", "--image", "initial", "--yes").exit == 0
    assert task_definition_of(deployed, "IngestData") != v1
    for task in ("IngestData", "RemoveSpam"):
        done = rota("run", task, "--release", "v1", "--yes", "--json")
        assert done.exit == 0, done.err
        (arn,) = (each["arn"] for each in json.loads(done.out.splitlines()[-1])["runs"])
        (ran,) = deployed.client("ecs").describe_tasks(cluster="production", tasks=[arn])["tasks"]
        named = [each["name"] for each in ran["overrides"]["containerOverrides"][0]["environment"]]
        assert (ran["taskDefinitionArn"] == v1, named) == (task == "IngestData", ["ROTA_TASK"])
    for release, words in {"v9": "there is no release or deployment v9", "v2": "v2 had no job RemoveSpam"}.items():
        none = rota("run", "RemoveSpam", "--release", release, "--yes")
        assert (none.exit, words in none.err) == (125, True)


def task_definition_of(stage: Client, task: str) -> str:
    (target,) = stage.client("events").list_targets_by_rule(Rule=PREFIX + task)["Targets"]
    arn: str = target["EcsParameters"]["TaskDefinitionArn"]
    return arn


def runs(rota: Rota, task: str = "IngestData") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rota("history", "--task", task, "--json").json["runs"]
    return found


def logged(rota: Rota, task: str = "IngestData") -> list[str]:
    """What `rota explain` shows of its last run's log."""
    return [each["because"] for each in rota("explain", task, "--json").json["chain"] if each["what"] == "log"]


def ended(rota: Rota, number: int) -> list[dict[str, Any]]:
    """The job's runs once so many are recorded to have ended, the newest first."""

    def found() -> list[dict[str, Any]] | None:
        seen = [each for each in runs(rota) if each["seconds"] is not None]
        return seen if len(seen) >= number else None

    return wait_for(found, 20)


def test_a_run_by_hand_is_recorded_and_says_nothing_of_the_job(deployed: Client, rota: Rota) -> None:
    deployed.settings(**FAILS)
    done = rota("run", "IngestData", "--yes", "--json")
    assert done.exit == 3
    said = [json.loads(line) for line in done.out.splitlines()]
    assert [each["status"] for each in said if each["event"] == "task"][-1] == "STOPPED"
    for each in said:
        assert_as_the_schema_says(each)
    end = said[-1]
    (one,) = end["runs"]
    assert (end["exit"], one["exit"], one["status"]) == (3, 3, "failed")
    assert one["reason"].startswith("the job ended with exit code 3; ")
    (run,) = ended(rota, 1)
    assert (run["trigger"], run["status"], run["task_arn"]) == ("by_hand", "failed", one["arn"])
    (task,) = (each for each in rota("status", "--json").json["tasks"] if each["task"] == "IngestData")
    assert task["bad_runs"] == 0
    request = deployed.client("ecs").describe_tasks(cluster="production", tasks=[one["arn"]])["tasks"][0]
    assert request["startedBy"] == "rota-run/moto"


def test_what_failed_is_repeated_with_its_scheduled_time(deployed: Client, rota: Rota) -> None:
    deployed.settings(**FAILS)
    deployed.fire(PREFIX + "IngestData")
    (failed,) = ended(rota, 1)
    assert rota("run", "--failed", "--since", "24h", "--yes").exit == 3, "as the job did again"
    deployed.settings(tasks="scripted", script={"seconds": 0})
    done = rota("run", "--failed", "--since", "24h", "--yes")
    assert (done.exit, "IngestData  failed: the job ended with exit code 3" in done.err) == (0, True)
    again = next(each for each in ended(rota, 3) if each["status"] == "ok")
    assert (again["at"], again["trigger"]) == (failed["at"], "by_hand")
    nothing = rota("run", "--failed", "IngestData", "--since", "24h", "--yes")
    assert (nothing.exit, nothing.err.splitlines()[0]) == (0, "Nothing failed that was not repeated since.")


@pytest.mark.exhaustive(first=0)
def test_explain_shows_the_end_of_a_runs_log(deployed: Client, rota: Rota) -> None:
    deployed.settings(**FAILS)
    assert rota("run", "IngestData", "--yes").exit == 3
    ended(rota, 1)
    assert logged(rota) == ["it has logged nothing"]
    deployed.settings(tasks="run")
    assert rota("run", "IngestData", "--variable", "PYTHONHOME=/nowhere", "--yes").exit == 1
    ended(rota, 2)
    lines = logged(rota)
    assert (1 < len(lines) <= 10, any("encodings" in each for each in lines)) == (True, True), lines


def test_a_run_is_stopped_by_its_job_or_its_id(deployed: Client, rota: Rota) -> None:
    deployed.settings(start_seconds=600)
    started = json.loads(rota("run", "IngestData", "--yes", "--no-wait", "--json", "--", "sh", "-c", "id").out)["runs"]
    stopped = rota("stop", "IngestData", "--yes")
    assert stopped.out.startswith(f"the command of IngestData (task {started[0]['arn'].rpartition('/')[2][:8]}) is bei")
    for name in ("IngestData", None):
        arn = json.loads(rota("run", "IngestData", "--yes", "--no-wait", "--json").out)["runs"][0]["arn"]
        stopped = rota("stop", name or arn.rpartition("/")[2][:8], "--yes", "--reason", "it hangs", "--json")
        assert (stopped.exit, stopped.json["arn"]) == (0, arn)
        deployed.advance(600)
    assert {each["reason"] for each in wait_for(lambda: _with_reasons(rota, 2), 20)} == {
        "it was stopped by user/moto: it hangs"
    }
    assert rota("stop", "IngestData", "--yes").exit == 4


def _with_reasons(rota: Rota, number: int) -> list[dict[str, Any]] | None:
    found = [each for each in runs(rota) if each["reason"]]
    return found if len(found) == number else None


@pytest.mark.exhaustive(first=0)
def test_what_a_pause_has_missed_is_started_once(deployed: Client, rota: Rota) -> None:
    deployed.settings(tasks="scripted", script={"seconds": 0})
    assert rota("pause", "RemoveSpam", "IngestData", "--reason", "it removes too much").exit == 0
    deployed.advance(31 * 60)
    assert [line for line in rota("next").out.splitlines() if line.startswith("paused: ")] == [
        'paused: IngestData by user/moto: "it removes too much"',
        'paused: RemoveSpam by user/moto: "it removes too much"',
    ]
    done = rota("resume", "--all", "--run-missed")
    assert (done.exit, "RemoveSpam is started: guestbook:" in done.err) == (0, True)
    (run,) = wait_for(lambda: runs(rota, "RemoveSpam"), 20)
    assert (run["trigger"], run["at"][14:16] in ("00", "15", "30", "45")) == ("by_hand", True)


def test_two_runs_of_a_job_are_kept_apart(deployed: Client, rota: Rota) -> None:
    deployed.settings(start_seconds=600)
    rota("run", "IngestData", "--yes", "--count", "2", "--no-wait")
    both = rota("stop", "IngestData", "--yes")
    assert (both.exit, both.err.count("  rota stop ")) == (2, 2)
    done = rota("run", "IngestData", "--yes", "--no-wait")
    assert done.err.count("IngestData runs already, as task ") == 2
    several = rota("stop", "IngestData", "--yes")
    assert (several.exit, several.err.count("  rota stop ")) == (2, 3)


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize("stops", [False, True], ids=["it continues", "it stops"])
def test_after_ctrl_c(deployed: Client, rota: Rota, monkeypatch: pytest.MonkeyPatch, stops: bool) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rota.cli.logs.follow.time", SimpleNamespace(sleep=interrupt, monotonic=lambda: 0.0))
    deployed.settings(start_seconds=600)
    done = rota("run", "IngestData", "--yes", *(["--stop-on-interrupt"] if stops else []))
    assert done.exit == 130
    assert ("The job continues." in done.err, "IngestData is being stopped." in done.err) == (not stops, stops)
    (task,) = deployed.client("ecs").list_tasks(cluster="production", desiredStatus="STOPPED" if stops else "RUNNING")[
        "taskArns"
    ]
    assert task


def test_logs_of_a_job_of_the_service_and_of_a_deployment(deployed: Client, rota: Rota) -> None:
    rota("run", "IngestData", "--yes")
    ended(rota, 1)
    shown = rota("logs", "IngestData")
    assert (shown.exit, shown.out.splitlines()[-1]) == (0, "Ingested 4 postcards; the guestbook holds 4 entries.")
    followed = rota("logs", "IngestData", "-f", "--filter", "Ingested")
    assert (followed.exit, followed.out) == (0, "Ingested 4 postcards; the guestbook holds 4 entries.\n")
    every = rota("logs", "IngestData", "--since", "1h", "--json").json
    assert_as_the_schema_says(every)
    assert [(each["status"], each["exit"]) for each in every["logs"]] == [("ok", 0)]
    (run,) = runs(rota)
    deployed.advance(2 * 3600)  # ECS has forgotten the task by then
    for name in (run["task_arn"], run["task_arn"].rpartition("/")[2][:8]):
        later = rota("logs", "IngestData", "--run", name, "--filter", "Ingested")
        assert (later.exit, later.out) == (0, followed.out), later.err
    of_rota = rota("logs", "--deployment")
    assert [line.split()[1] for line in of_rota.out.splitlines()][:2] == ["TakeTurn", "ReadConfig"]
    assert rota("logs", "--service").err.startswith("rota: ECS knows no task of the service")


@pytest.mark.exhaustive(first=0)
def test_logs_of_a_run_that_is_not_recorded_yet(deployed: Client, rota: Rota) -> None:
    rota("run", "IngestData", "--yes")
    (first,) = ended(rota, 1)
    deployed.settings(events={"delay_seconds": 600})
    rota("run", "IngestData", "--yes")
    for follow in (["-f"], []):
        shown = rota("logs", "IngestData", *follow, "--filter", "Ingested")
        assert (shown.exit, shown.out) == (0, "Ingested 4 postcards; the guestbook holds 8 entries.\n")
    both = rota("logs", "IngestData", "--last", "2", "--filter", "Ingested")
    assert [line.split()[-2] for line in both.out.splitlines()] == ["4", "8"]
    older = rota("logs", "IngestData", "--run", first["task_arn"], "-f", "--filter", "Ingested")
    assert older.out.split()[-2:] == ["4", "entries."]


NO_LOGS: dict[str, tuple[list[str], int, str]] = {
    "no run yet": (["IngestData"], 4, "rota: there is no run of IngestData"),
    "no such job": (["NoSuch"], 4, "rota: there is no job NoSuch\nthe jobs are CountTeaspoons, IngestData"),
    "no run since": (["IngestData", "--since", "1h"], 4, "rota: there is no run of IngestData in the last 1:00:00"),
    "forgotten": (["--run", "0123456789"], 4, "rota: there is no run 0123456789\nname its job, too"),
    "no such run of it": (["IngestData", "--run", "0123456789"], 4, "rota: there is no run 0123456789\nrota history"),
    "no such execution": (["--deployment", "nope"], 4, "rota: there is no execution nope"),
    "nothing named": ([], 2, "rota: name what to show"),
    "two things": (["IngestData", "--service"], 2, "rota: name what to show"),
    "following what has ended": (["--deployment", "-f"], 2, "rota: "),
}


@pytest.mark.exhaustive(first=1)
@pytest.mark.parametrize(("arguments", "code", "words"), NO_LOGS.values(), ids=NO_LOGS)
def test_where_there_is_no_log(deployed: Client, rota: Rota, arguments: list[str], code: int, words: str) -> None:
    done = rota("logs", *arguments)
    assert (done.exit, done.out) == (code, "")
    assert done.err.startswith(words)
