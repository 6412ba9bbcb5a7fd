"""A migration before anything is switched, and a smoke test after: the example app's, on the whole machine."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from examples.guestbook.client import Client
from examples.guestbook.demo.scenario import parameters
from stage.client import ROOT, wait_for
from tests.stage.account import account, history, states
from tests.stage.conftest import Rota
from tests.stage.restored import assert_all_is_as_it_was
from tests.stage.test_cli_rights import READER, acting
from tests.stage.updated import updated

pytestmark = pytest.mark.exhaustive(first=0)

FILE: dict[str, Any] = json.loads((ROOT / "examples/app/scheduled_tasks.migrating.json").read_text())
# The guestbook has entries of the same guest by then.
DRAFTS = FILE | {"before": FILE["before"] | {"environment": {"DRAFTS": "1"}}}
UNTESTED = {name: value for name, value in FILE.items() if name != "before"}
LASTING = FILE | {"before": {"command": ["sleep", "50"], "timeout": 10, "pause_tasks": True}}

Acting = Callable[[list[str]], None]
__all__ = ["acting"]


@pytest.fixture
def migrating(deployed: Client) -> Iterator[Client]:
    """A stage on which v1 is deployed, without a migration; the file has one now. Functions may read the jobs' logs."""
    with updated(deployed, JobLogGroups=parameters()["JobLogGroups"]):
        deployed.upload_schedule(FILE)
        deployed.clear_calls()
        yield deployed


def one_offs(stage: Client, kind: str) -> list[dict[str, Any]]:
    """The tasks of ECS of that kind."""
    ecs, cluster = stage.client("ecs"), stage.names["cluster"]
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
    ]
    found: list[dict[str, Any]] = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
    return [task for task in found if str(task.get("startedBy", "")).startswith(f"rota/{kind}/")]


def test_the_smoke_test_fails_until_the_guestbook_is_migrated(migrating: Client, rota: Rota) -> None:
    migrating.upload_schedule(UNTESTED)
    before = account(migrating)
    failed = migrating.deploy("v2")
    assert (failed["status"], failed["error"]) == ("FAILED", "TaskFailedError")
    assert failed["cause"].startswith("RunAfter: the smoke test ended with exit code 1 after ")
    assert "  The tables are not what this image expects; not migrated: rooms\n" in failed["cause"]
    assert_all_is_as_it_was(migrating, before)
    assert history(migrating)[0]["outcome"] == "failed"

    migrating.upload_schedule(FILE)
    ended = migrating.deploy("v3")
    assert ended["status"] == "SUCCEEDED", ended["cause"]
    way = [state for state in states(migrating, ended) if state in ("RunBefore", "CreateTargets", "RunAfter")]
    assert list(dict.fromkeys(way)) == ["RunBefore", "CreateTargets", "RunAfter"]
    document = ended["output"]
    assert (document["before"]["exit_code"], document["after"]["exit_code"]) == (0, 0)
    assert [len(one_offs(migrating, kind)) for kind in ("before", "after")] == [1, 2]
    # What the command shows of it.
    assert "Migrated: rooms." in rota("logs", "before").out
    explained = rota("explain", "v2").out
    assert "ended with exit code 0; its log: rota logs before" in " ".join(explained.split())
    assert "before: runs the migration ./bin/start migrate" in rota("history", "--json").words


def test_a_person_runs_migration_and_smoke_test(migrating: Client, rota: Rota, acting: Acting) -> None:
    tried = ("run", "before", "--schedule", "examples/app/scheduled_tasks.migrating.json", "--yes")
    before = account(migrating)
    done = rota(*tried, "--", "sh", "-c", "echo $ROTA_TASK; exit 4")
    assert (done.exit, "with the image of v1" in done.err, account(migrating)) == (4, True, before), done.err
    assert migrating.deploy("v2")["status"] == "SUCCEEDED"
    acting([*READER, "RunnerPolicy", "DeployerPolicy"])
    again = rota("run", "before", "--yes")
    assert (again.exit, "Nothing to migrate" in again.out) == (0, True)
    assert rota("run", "after", "--yes", "--", "sh", "-c", "exit 3").exit == 3
    planned = rota("plan", "--image", "initial").out
    assert "before: runs the migration ./bin/start migrate" in " ".join(planned.split())
    missing = rota("logs", "before", "--run", "0000000")
    assert missing.exit == 4


def test_a_failing_migration_leaves_everything_to_the_byte(migrating: Client) -> None:
    for _ in range(12):
        assert migrating.fire(f"{migrating.names['rule_prefix']}IngestData")["exit_code"] == 0
    migrating.upload_schedule(DRAFTS)
    before = account(migrating)
    ended = migrating.deploy("v2")
    assert (ended["status"], ended["error"]) == ("FAILED", "TaskFailedError")
    assert ended["cause"].startswith("RunBefore: the migration ended with exit code 1 after ")
    assert "  sqlite3.IntegrityError: UNIQUE constraint failed: entry.name\n" in ended["cause"]
    assert_all_is_as_it_was(migrating, before)
    assert account(migrating)["service"] == before["service"]
    assert not migrating.calls("events", "PutRule")
    assert len(one_offs(migrating, "before")) == 1


def test_aborted_in_the_middle_of_a_migration(migrating: Client) -> None:
    migrating.upload_schedule(LASTING)
    before = account(migrating)
    migrating.push("v2")
    wait_for(lambda: [each for each in one_offs(migrating, "before") if each["lastStatus"] == "RUNNING"], 30)
    execution = migrating.executions()[0]
    migrating.client("stepfunctions").stop_execution(executionArn=execution, cause="it takes too long")
    restored = migrating.restored_by(execution)
    assert (restored["status"], states(migrating, restored)[-1]) == ("SUCCEEDED", "Restored")
    (task,) = wait_for(lambda: [each for each in one_offs(migrating, "before") if each["lastStatus"] == "STOPPED"], 30)
    assert task["stopCode"] == "UserInitiated"
    assert_all_is_as_it_was(migrating, before)
