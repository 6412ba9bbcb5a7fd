"""`rota plan`, whole: what is printed of a dry run of the machine, and what is asked of AWS."""

import io
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import ACCOUNT, NOW, Aws, Played, Typed
from tests.cli.test_acting_answers import KEPT, LEDGER
from tests.cli.test_plan_changes import NEW, put, rule, target
from tests.cli.test_status import APP, EXECUTION, LIVE, at, digest
from tests.clock import Clock

PLANNED = {
    "before": {"task": "migrate"},
    "tasks": [
        {"name": "New", "task": "new", "rate": "5 minutes"},
        {"name": "Timed", "task": "timed", "cron": "0 7 * * ? *", "environment": {"A": "1"}, "memory": 1024},
        {"name": "Same", "task": "same", "rate": "1 hour", "owner": "team-b"},
    ],
}
BEFORE = {
    "tasks": [
        {"name": "Timed", "task": "timer", "cron": "0 6 * * ? *", "cpu": 256},
        {"name": "Same", "task": "same", "rate": "1 hour", "owner": "team-a"},
        {"name": "Old", "task": "old", "rate": "2 hours"},
    ]
}
CHANGES = [
    {"kind": "create", "name": "shop__New", "put_rule": put("rate(5 minutes)"), "put_targets": [target(NEW)]},
    {"kind": "update", "name": "shop__Timed", "put_rule": put("cron(0 7 * * ? *)"), "put_targets": [target(NEW)]},
    {"kind": "update", "name": "shop__Same", "put_targets": [target(NEW)]},
    {"kind": "remove", "name": "shop__Old", "disable": True},
]
PLAN: dict[str, Any] = {
    "changes": CHANGES,
    "commands": {"tasks": {"New": ["./bin/start", "new"], "Timed": ["./bin/start", "timed"], "Same": ["same"]}},
    "reused": {"k1": f"arn:aws:ecs:{ACCOUNT}:task-definition/shop:8"},
    "api": "k1",
    "roll": True,
    "service_changes": ["image", "cpu 256 -> 512"],
    "kept": 2,
    "registers": ["k2"],
    "remarks": ["the release's own words"],
    "left_out": {"proxy": "no job needs it"},
}
SNAPSHOT = {
    "service": {"task_definition": f"arn:aws:ecs:{ACCOUNT}:task-definition/shop:7"},
    "rules": {"shop__Timed": rule("cron(0 6 * * ? *)"), "shop__Same": rule("rate(1 hour)"), "shop__Old": rule()},
}
LIVE_PLAN = {"commands": {"tasks": {"Timed": ["./bin/start", "timer"], "Same": ["same"]}}}
STORED: dict[tuple[str, str], Any] = {
    ("plans/9.json", "1"): PLAN,
    ("snapshots/9.json", "1"): SNAPSHOT,
    ("plans/4.json", "1"): LIVE_PLAN,
    ("scheduled_tasks.json", "v-2"): PLANNED,
    ("scheduled_tasks.json", "v-1"): BEFORE,
}
SCHEDULE = {"key": "scheduled_tasks.json", "version_id": "v-2"}


def pointer(key: str) -> dict[str, str]:
    return {"key": key, "version_id": "1"}


def document(*, schedule: Mapping[str, str] = SCHEDULE, nothing: bool = False, tag: str | None = "f9") -> str:
    """What the machine's dry run comes to."""
    plan = {"document": pointer("plans/9.json"), "snapshot": pointer("snapshots/9.json"), "estimated_seconds": 4}
    plan |= {"nothing_to_do": nothing, "summary": "schedules: 1 new"}
    image = {"digest": digest("f"), **({"tag": tag} if tag else {})}
    return json.dumps({"turn": {"image": image}, "config": {"schedule": schedule}, "plan": plan})


class Machine:
    """The machine, and what it and the releases before have stored."""

    def __init__(self, aws: Aws) -> None:
        self.stored = dict(STORED)
        self.ended: dict[str, Any] = {"status": "SUCCEEDED", "output": document()}
        self.looks = 0
        aws.answers |= {
            "DescribeImages": {"imageDetails": [{"imageDigest": digest("f"), "imageTags": ["f9"]}]},
            "StartExecution": {},
            "DescribeExecution": self._described,
            "GetObject": self._read,
            "PutObject": {"VersionId": "v-9"},
        }

    def _described(self, _: dict[str, Any]) -> dict[str, Any]:
        self.looks += 1
        return self.ended if self.looks % 3 == 0 else {"status": "RUNNING"}

    def _read(self, request: dict[str, Any]) -> Any:
        found = self.stored.get((request["Key"], request["VersionId"]), "NoSuchVersion")
        if isinstance(found, str):
            return found
        text = found if isinstance(found, bytes) else json.dumps(found).encode()
        return {"Body": io.BytesIO(text), "LastModified": NOW - timedelta(hours=20)}


@pytest.fixture
def machine(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr("rota.cli.plan.run.time", Clock())
    aws.items = [
        {"app": APP, "record": "releases", **LIVE, "live_plan": pointer("plans/4.json")},
        {"app": APP, "record": "lease"},
    ]
    return Machine(aws)


@pytest.mark.usefixtures("machine")
def test_the_whole_answer(played: Played) -> None:
    lines = ["--image f9", "--image f9 --details --stack rota", "--image f9 --exit-code --json", "--exit-code"]
    played("plan", *(f"plan {each}" for each in lines))


def test_the_whole_answer_while_something_deploys_that_would_wait(machine: Machine, aws: Aws, played: Played) -> None:
    gates = {"hold": {"by": "ana", "until": at(30, "18:00")}}
    aws.items[1] = {"app": APP, "record": "lease", "holder": EXECUTION + "push-8", "gates": gates}
    aws.parameters["Approval"] = "all"
    machine.ended["output"] = document(tag=None)
    played("plan_waits", "plan")


@pytest.mark.parametrize(
    ("name", "schedule"), [("plan_nothing", "v-1"), ("plan_file_alone", "v-2")], ids=["nothing", "keys of Rota alone"]
)
def test_the_whole_answer_where_aws_has_nothing_to_do(
    machine: Machine, aws: Aws, played: Played, name: str, schedule: str
) -> None:
    aws.parameters["Approval"] = "all"
    quiet = {"changes": [], "roll": False, "registers": [], "service_changes": [], "remarks": [], "left_out": {}}
    machine.stored["plans/9.json", "1"] = PLAN | quiet
    machine.ended["output"] = document(schedule=SCHEDULE | {"version_id": schedule}, nothing=True)
    played(name, "plan --exit-code", "plan --json")


def test_the_whole_answer_where_nothing_is_live(machine: Machine, aws: Aws, played: Played) -> None:
    aws.items = []
    machine.stored["plans/9.json", "1"] = PLAN | {"reused": {}}
    played("plan_first", "plan", "plan --image f9", "plan --image f9 --json")


@pytest.mark.parametrize("gone", ["NoSuchVersion", "NoSuchKey", b"{"], ids=["deleted", "gone", "of another version"])
def test_a_live_file_that_cannot_be_read_is_not_compared(machine: Machine, played: Played, gone: Any) -> None:
    machine.stored["scheduled_tasks.json", "v-1"] = gone
    if gone != b"{":
        machine.stored["plans/4.json", "1"] = gone
    played(f"plan_live_file_{'unknown' if gone == b'{' else 'gone'}", "plan")


def test_a_refusal_to_read_the_live_file_is_no_file_that_is_gone(machine: Machine, typed: Typed) -> None:
    machine.stored["scheduled_tasks.json", "v-1"] = "AccessDenied"
    refused = typed("plan")
    assert (refused.exit, refused.err.splitlines()[0]) == (4, "rota: you may not GetObject")


def test_the_whole_answer_for_a_file_that_is_not_uploaded(machine: Machine, played: Played, tmp_path: Path) -> None:
    file, wrong = (Path(f"{name}.json") for name in ("good", "wrong"))
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / file).write_text(json.dumps(PLANNED))
    (folder / wrong).write_text('{"tasks": [{"name": "A", "task": "a", "rate": "5 min"}, {"name": "B"}]}')
    machine.ended["output"] = document(schedule={"key": "proposals/x.json", "version_id": "v-9"})
    machine.stored["proposals/x.json", "v-9"] = PLANNED
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        played("plan_file", f"plan --file {file}", f"plan --file {wrong}", f"plan --file {wrong} --json")
        (folder / wrong).write_text('{"tasks": [{"name": "A", "task": "a", "rate": "5 min"}]}')
        played("plan_file_wrong", f"plan --file {wrong}")


REASON = "It is refused.\n- tasks[0]: wrong\n"
ENDS: dict[str, dict[str, Any]] = {
    "author": {"status": "FAILED", "error": "ConfigError", "cause": REASON},
    "operator": {"status": "FAILED", "error": "RejectedError", "cause": "the bus is full"},
    "unknown": {"status": "FAILED", "error": "States.Timeout"},
    "aborted": {"status": "ABORTED"},
    "ignored": {"status": "SUCCEEDED", "output": json.dumps({"turn": {"reason": "its tag does not match"}})},
    "running": {"status": "RUNNING"},
}


@pytest.mark.parametrize(("name", "ended"), ENDS.items(), ids=ENDS)
def test_the_whole_answer_of_what_would_not_be_deployed(
    machine: Machine, played: Played, name: str, ended: dict[str, Any]
) -> None:
    machine.ended = ended
    played(f"plan_fails_{name}", "plan", "plan --json")


def test_no_such_image(machine: Machine, aws: Aws, played: Played) -> None:
    aws.answers["DescribeImages"] = "ImageNotFoundException"
    played("plan_no_image", "plan --image f9")


def test_ctrl_c_while_it_is_planned_has_changed_nothing(
    machine: Machine, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rota.cli.plan.run.time", SimpleNamespace(sleep=interrupt, monotonic=lambda: 0.0))
    stopped = typed("plan")
    assert (stopped.exit, stopped.err) == (130, "rota: stopped\nNothing was changed.\n")


def test_the_plan_before_a_deployment_is_asked_for(machine: Machine, aws: Aws, played: Played) -> None:
    aws.answers["GetCallerIdentity"] = {"Arn": f"arn:aws:iam::{ACCOUNT[-12:]}:user/ana"}
    lines = [f"deploy --image f9 --plan-first{each}" for each in ("", " --json", " --stack rota")]
    played("plan_first_of_deploy", *lines)


def test_the_plan_before_a_rollback_is_asked_for(machine: Machine, aws: Aws, played: Played) -> None:
    aws.answers |= {"GetCallerIdentity": {"Arn": f"arn:aws:iam::{ACCOUNT[-12:]}:user/ana"}}
    aws.items += [*LEDGER, *KEPT]
    lines = ("", " --image-only --with-before --stack rota", " --with-before --json")
    played("plan_first_of_rollback", *(f"rollback v3 --reason x --plan-first{each}" for each in lines))


def test_the_plan_before_a_file_is_uploaded(
    machine: Machine, aws: Aws, played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("jobs.json").write_text(json.dumps(PLANNED))
    aws.answers |= {
        "GetCallerIdentity": {"Arn": f"arn:aws:iam::{ACCOUNT[-12:]}:user/ana"},
        "HeadObject": {"VersionId": "v-1"},
    }
    machine.ended["output"] = document(schedule={"key": "proposals/x.json", "version_id": "v-9"})
    machine.stored["proposals/x.json", "v-9"] = PLANNED
    lines = ("", " --image f9 --json", " --now --reason x")
    played("plan_first_of_file", *(f"deploy --schedule jobs.json --plan-first{each}" for each in lines))
