"""What `rota run` asks of ECS, what it repeats, and what it says before."""

from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from rota.cli import live_schedules
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account
from rota.cli.output import Output
from rota.cli.run.command import _environment
from rota.cli.run.failed import counted, left_out, require_few, to_repeat
from rota.cli.run.release import stored
from rota.cli.run.remarks import remarks_on_migration, remarks_on_schedule
from rota.cli.run.start import Changes, Job, overrides, request_of, started_by
from rota.cli.run.trial import entry_of_live, overrides_for
from rota.cli.stack import Stack
from rota.ecs.derive import derive_content
from rota.schedule_file.task import Before
from rota.schedules import backend
from tests.guestbook import IMAGE_URI, SETTINGS, TIMED, definition, task
from tests.unit.test_starts import rule

AT = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
NAMED = {"name": "ROTA_TASK", "value": "IngestData"}


def job(settings: Any = SETTINGS, state: str = "ENABLED", expression: str = "cron(0 6 * * ? *)") -> Job:
    made = rule(settings, '{"cpu": "512", "containerOverrides": [{"name": "app", "command": ["./bin/start", "x"]}]}')
    schedule = made.model_copy(update={"state": state, "schedule_expression": expression})
    return Job("IngestData", schedule)


COMMAND_OF = {"name": "ROTA_COMMAND_OF", "value": NAMED["value"]}


def due(time: str) -> dict[str, str]:
    return {"name": "ROTA_SCHEDULED_AT", "value": time}


@pytest.mark.parametrize(
    ("settings", "changes", "late", "environment", "command"),
    [
        (SETTINGS, Changes(), False, [NAMED], ["./bin/start", "x"]),
        (SETTINGS, Changes(), True, [NAMED, due("2026-11-30T06:00:00Z")], ["./bin/start", "x"]),
        (TIMED, Changes(), False, [NAMED, due("2026-11-30T06:00:00Z")], ["./bin/start", "x"]),
        (
            SETTINGS,
            Changes(environment={"DRY": "1"}),
            False,
            [NAMED, {"name": "DRY", "value": "1"}],
            ["./bin/start", "x"],
        ),
        (SETTINGS, Changes(command=["sh", "-c", "id"]), False, [COMMAND_OF], ["sh", "-c", "id"]),
    ],
    ids=["as the rule has it", "late", "traced", "a variable", "another command"],
)
def test_the_container_gets(
    settings: Any, changes: Changes, late: bool, environment: list[dict[str, str]], command: list[str]
) -> None:
    request = request_of(job(settings), "app", changes, AT, late=late)
    (own,) = request["overrides"]["containerOverrides"]
    assert (own["environment"], own["command"]) == (environment, command)
    assert request["overrides"]["cpu"] == "512"


@pytest.mark.parametrize("place", [0, 1], ids=["after it", "before it"])
def test_another_containers_overrides_stay_its_own(place: int) -> None:
    log = {"name": "log", "command": ["ship"], "environment": [{"name": "LEVEL", "value": "info"}], "memory": 64}
    app = {"name": "app", "command": ["./bin/start"], "environment": [NAMED], "cpu": 128}
    given = [app]
    given.insert(place ^ 1, log)
    found = overrides({"cpu": "512", "containerOverrides": given}, "app", {"DRY": "1"}, [])
    changed = {**app, "environment": [NAMED, {"name": "DRY", "value": "1"}]}
    assert found == {"cpu": "512", "containerOverrides": [log, changed]}


def test_all_else_is_as_the_rule_has_it() -> None:
    plain = backend.start_of(job().schedule, AT)
    assert plain is not None
    request = request_of(job(), "app", Changes(), AT)
    assert {**request, "overrides": None} == {**plain, "overrides": None}
    assert request_of(job(), "app", Changes(count=3), AT)["count"] == 3
    assert task(count=2).count == request["count"]


@pytest.mark.parametrize(
    ("caller", "said"),
    [
        ("user/ana", "rota-run/ana"),
        ("assumed-role/Admin/ana@example.com", "rota-run/ana-example-com"),
        ("root", "rota-run/root"),
        ("assumed-role/A/" + "a" * 64, "rota-run/" + "a" * 27),
    ],
    ids=["a user", "a session", "root", "long"],
)
def test_it_says_who_started_it_as_ecs_takes_it(caller: str, said: str) -> None:
    assert started_by(caller) == said


@pytest.mark.parametrize(
    ("known", "todo"),
    [(["B", "A"], "the jobs are A, B"), (["SendMail"], "did you mean SendMail?"), ([], live_schedules.NO_JOBS)],
    ids=["others", "a near one", "none"],
)
def test_no_such_job(known: list[str], todo: str) -> None:
    with pytest.raises(CommandError) as refused:
        live_schedules.require(["SendMial"], known)
    assert (refused.value.message, refused.value.todo) == ("there is no job SendMial", todo)


def run(status: str, minute: int = 0, **members: Any) -> dict[str, Any]:
    at = f"2026-11-30T06:{minute:02}:00+00:00"
    return {"task": "A", "scheduled_at": at, "status": status, "trigger": "schedule", **members}


@pytest.mark.parametrize(
    ("runs", "repeated"),
    [
        ([run("failed", 5), run("missed", 0, lacking=2), run("not_started", 10)], [(0, 2), (5, 1), (10, 1)]),
        ([run("ok"), run("running", 5), run("skipped", 10), run("unknown", 15)], []),
        ([run("failed"), run("ok", trigger="by_hand")], []),
        ([run("failed"), run("starting", trigger="catch_up")], []),
        ([run("failed"), run("failed", trigger="by_hand")], [(0, 1)]),
        ([run("failed", trigger="by_hand")], []),
        ([run("failed", reason={"why": "stopped"}), run("missed", 5, reason={"why": "disabled"})], []),
        ([run("failed"), run("failed"), run("ok")], [(0, 2)]),
        ([run("missed", counted=True, lacking=3)], [(0, 1)]),
    ],
    ids=[
        *("the oldest first", "well", "repeated since", "caught up", "repeated badly", "a person's own", "not wanted"),
        *("two of three", "not known which"),
    ],
)
def test_what_failed_is_repeated(runs: list[dict[str, Any]], repeated: list[tuple[int, int]]) -> None:
    assert [(each.due.minute, each.tasks) for each in to_repeat(runs)] == repeated


def test_more_than_ten_of_one_job_are_refused() -> None:
    repeats = to_repeat(
        [*(run("failed", minute) for minute in range(10)), *(run("failed", task=other) for other in "BC")]
    )
    require_few(repeats)
    assert counted(repeats) == "10 of A, 1 of B, 1 of C"
    with pytest.raises(CommandError, match="it would repeat 11 of A, 1 of B, 1 of C, one after") as refused:
        require_few([*repeats, *to_repeat([run("failed", 10)])])
    assert "add --all; to run a job once: rota run A;" in refused.value.todo


def test_what_is_left_out_is_named() -> None:
    runs = [run("failed", reason={"why": "stopped"}), run("missed", 5, reason={"why": "disabled"}), run("failed", 10)]
    (words,) = left_out([*runs, run("failed", 15, reason={"why": "stopped"}, trigger="by_hand")])
    assert words.startswith("Left out: 2 of A, which")


PAUSE = {"by": "ana", "reason": "the supplier is down", "until": "2026-12-02T06:00:00+00:00"}


@pytest.mark.parametrize(
    ("given", "pause", "item", "minutes", "words"),
    [
        (job(), None, {}, 30, []),
        (
            job(state="DISABLED"),
            PAUSE,
            {},
            1,
            ["is paused by ana until Wed 02 Dec 06:00:00 UTC: the supplier is down."],
        ),
        (job(state="DISABLED"), None, {}, 1, ["is disabled. It runs all the same"]),
        (job(), None, {}, 1, ["is due by its schedule in 60 s."]),
        (job(), None, {"lasted": ["600"], "overlap": "skip"}, 9, ["in 9 min, and is skipped while this one runs."]),
        (job(), None, {"lasted": ["60"]}, 9, []),
        (job(), None, {"lasted": ["1200", "60", "600"]}, 9, ["is due by its schedule in 9 min."]),
        (job(), None, {"lasted": ["1200", "60", "600"]}, 11, []),
        (job(), None, {}, 2, []),
        (job(state="DISABLED"), {"by": ""}, {}, 1, ["IngestData is paused. It runs all the same, this once."]),
        (job(expression="rate(1 minute)"), None, {}, 1, []),
    ],
    ids=[
        *("nothing", "paused", "disabled", "due", "due, by how long it takes", "due later", "as it usually lasts"),
        *("later than it usually lasts", "due in two minutes", "paused without a name", "a rate"),
    ],
)
def test_what_a_person_should_know_before(
    given: Job, pause: dict[str, str] | None, item: dict[str, Any], minutes: int, words: list[str]
) -> None:
    said = [*remarks_on_schedule(given, pause, item, AT - timedelta(minutes=minutes))]
    assert len(said) == len(words)
    assert all(each in line for each, line in zip(words, said, strict=True))


HOLDER = "arn:aws:states:us-east-1:123456789012:execution:rota-deploy:four"
RECORD = {"execution": {"id": HOLDER, "name": "four"}, "entered": {"RunBefore": "2026-11-30T06:00:00Z"}}
LEFT = {"execution": HOLDER.replace("four", "three"), "task_arn": ""}


@pytest.mark.parametrize(
    ("lease", "words"),
    [
        ({}, []),
        ({"holder": HOLDER, "deployment": {**RECORD, "entered": {}}}, []),
        ({"holder": HOLDER, "deployment": RECORD}, ["The deployment four runs its migration"]),
        ({"holder": HOLDER, "deployment": {**RECORD, "before": {"finished": True}}}, []),
        ({"holder": HOLDER.replace("four", "five"), "deployment": RECORD}, []),
        ({"deployment": RECORD, "left_running": LEFT}, ["The migration of three, which was aborted, may still run"]),
    ],
    ids=["nothing", "it plans", "it runs", "it has ended", "another's record", "left running"],
)
def test_a_migration_beside_which_another_one_would_run(lease: dict[str, Any], words: list[str]) -> None:
    assert [each.partition(":")[0] for each in remarks_on_migration(lease)] == words


PLAN = {"key": "plan.json", "version_id": "1"}
LIVE = {"number": 2, "live_digest": "sha256:2", "live_schedule_version": "s", "live_plan": PLAN}
ENTRY = {
    "outcome": "deployed",
    "digest": "sha256:2",
    "schedule_version": "s",
    "deployment": {"plan": PLAN},
    "release": 2,
}


@pytest.mark.parametrize(
    ("live", "entries", "plan"),
    [
        (None, [], None),
        (LIVE, [], PLAN),
        ({**LIVE, "live_plan": None}, [ENTRY], PLAN),
        ({**LIVE, "live_plan": None}, [], None),
    ],
    ids=["nothing", "its entry has expired", "of an earlier version", "of that, expired"],
)
def test_what_is_live_is_found(live: dict[str, Any] | None, entries: list[dict[str, Any]], plan: Any) -> None:
    found = entry_of_live(live, entries)
    assert (found and (found["release"], found["deployment"]["plan"])) == (plan and (2, plan))


ROLE = "arn:aws:iam::123456789012:role/migrator"
API = derive_content(definition(), SETTINGS, IMAGE_URI, None)


def changed(**members: Any) -> dict[str, Any]:
    """The API's content with other members of its container."""
    others = API["containerDefinitions"][1:]
    return {**API, "containerDefinitions": [{**API["containerDefinitions"][0], **members}, *others]}


@pytest.mark.parametrize(
    ("content", "keys", "expected"),
    [
        (API, {}, {"containerOverrides": [{"name": "app", "command": ["./bin/start", "migrate"]}]}),
        (
            API,
            {"environment": {"LOG_LEVEL": "debug"}, "cpu": 512, "memory": 1024, "role": ROLE, "ephemeral_storage": 30},
            {
                "containerOverrides": [
                    {
                        "name": "app",
                        "command": ["./bin/start", "migrate"],
                        "environment": [{"name": "LOG_LEVEL", "value": "debug"}],
                    }
                ],
                "cpu": "512",
                "memory": "1024",
                "ephemeralStorage": {"sizeInGiB": 30},
                "taskRoleArn": ROLE,
            },
        ),
        (API, {"secrets": {"TOKEN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:other"}}, None),
        (API, {"environment": {"ADMIN_TOKEN": "plain"}}, None),
        (changed(environment=[{"name": "OF_A_JOB", "value": "1"}]), {}, None),
        (changed(memory=400), {"memory": 1024}, None),
        (changed(restartPolicy={"enabled": True}), {}, None),
        ({**API, "containerDefinitions": API["containerDefinitions"][:1]}, {}, None),
    ],
    ids=["plain", "all of it", "a secret", "in a secret's place", "a job's", "its own limit", "restarts", "a sidecar"],
)
def test_what_overrides_can_say_of_a_migration(
    content: dict[str, Any], keys: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    before = Before.model_validate({"task": "migrate", **keys})
    desired = derive_content(definition(API), SETTINGS, IMAGE_URI, before)
    assert overrides_for(content, desired, "app") == expected


def test_variables_as_they_are_typed() -> None:
    assert _environment(("DRY=1", "NONE=", "URL=a?b=c")) == {"DRY": "1", "NONE": "", "URL": "a?b=c"}


@pytest.mark.parametrize(("variable", "lacks"), [("DRY", "value"), ("=1", "name"), ("=", "name"), ("", "name")])
def test_a_variable_without_a_name_or_a_sign_is_misuse(variable: str, lacks: str) -> None:
    with pytest.raises(CommandError, match=f"--variable {variable} has no {lacks}") as refused:
        _environment(("WELL=1", variable))
    assert (refused.value.code, refused.value.todo) == (Exit.MISUSED, "write it as --variable NAME=VALUE")


@pytest.mark.parametrize(("code", "is_gone"), [("NoSuchVersion", True), ("NoSuchKey", True), ("AccessDenied", False)])
def test_only_what_is_gone_is_said_to_be(code: str, is_gone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise ClientError({"Error": {"Code": code, "Message": "-"}}, "GetObject")

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    account = Account(Output(), region="eu-west-1")
    account.__dict__["stack"] = Stack("rota", "arn", "", {}, {"BucketName": "bucket"})
    with pytest.raises(CommandError if is_gone else ClientError):
        stored(account, {"key": "plans/1.json", "version_id": "v1"})
    assert stored(account, None) == {}
