"""The command `rota` against the stage: what each command answers, and how it ends when AWS refuses."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from examples.guestbook.client import Client
from rota.cli.completion import refresh
from stage.client import wait_for
from tests.stage.conftest import Done, Rota, assert_as_the_schema_says
from tests.stage.scenarios import sweep
from tests.stage.updated import updated

ANSWERS = {
    "status": ["status"],
    "explain a task": ["explain", "IngestData"],
    "check": ["check"],
    "history": ["history"],
    "plan with details": ["plan", "--image", "initial", "--details"],
    "status of all": ["status", "--all"],
    "history with failures": ["history", "--all"],
    "history of a task": ["history", "--task", "IngestData"],
    "explain": ["explain"],
    "explain a rule": ["explain", "production__guestbook__IngestData"],
    "explain a release": ["explain", "v1"],
    "plan": ["plan"],
    "next": ["next", "--for", "7d"],
    "next of a job": ["next", "IngestData", "--all"],
    "board": ["board", "--out", "/dev/null"],
}


@pytest.mark.exhaustive(first=2)
@pytest.mark.parametrize("arguments", ANSWERS.values(), ids=ANSWERS)
def test_each_answer_is_json_as_its_schema_says_and_fits_100_columns(
    deployed: Client, rota: Rota, arguments: list[str]
) -> None:
    answer = rota(*arguments, "--json")
    assert (answer.exit, answer.err) == (0, "")
    assert_as_the_schema_says(answer.json)
    shown = rota(*arguments)
    assert (shown.exit, shown.err) == (0, "")
    assert shown.out
    assert max(map(len, shown.out.splitlines())) <= 100
    assert "\x1b" not in shown.out


def test_completion_writes_the_names_of_the_stack(
    deployed: Client, rota: Rota, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    refresh.main(json.dumps({"stack": None, "profile": None, "region": None, "endpoint": None}))
    (file,) = (tmp_path / "rota").iterdir()
    assert json.loads(file.read_text()) == {
        "stacks": ["rota"],
        "tasks": ["CountTeaspoons", "IngestData", "RemoveSpam"],
        "releases": ["v1"],
    }


def test_status_shows_what_is_live_and_each_job(deployed: Client, rota: Rota) -> None:
    deployed.clear_calls()
    status = rota("status", "--json").json
    calls = Counter(f"{call['service']} {call['operation']}" for call in deployed.calls())
    # The newest items, pauses, jobs, what Sweep has read, and the runs of three jobs: side by side, after the stack.
    assert calls.pop("dynamodb Query") == 7
    schedules = ["events ListRules", "scheduler ListSchedules"]
    assert calls == Counter(["cloudformation DescribeStacks", "ecs DescribeServices", *schedules])
    assert status["release"]["release"] == "v1"
    assert (status["release"]["tag"], status["release"]["kind"]) == ("v1", "push")
    assert (status["deploying"], status["service"]["running"]) == (None, 2)
    (ingest,) = (task for task in status["tasks"] if task["task"] == "IngestData")
    assert ingest["enabled"]
    assert (ingest["in_words"], ingest["exact"]) == ("every day at 06:00 UTC", True)


def test_status_is_shown_again_until_ctrl_c(deployed: Client, rota: Rota, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = iter([False, True])

    def sleep(_seconds: float) -> None:
        if next(ends):
            raise KeyboardInterrupt

    monkeypatch.setattr("rota.cli.status.command.time", SimpleNamespace(sleep=sleep))
    shown = rota("status", "--watch")
    assert (shown.exit, shown.out.splitlines()[1:3]) == (130, ["nothing deploys", ""])


def test_a_rule_that_a_person_made_or_changed(deployed: Client, rota: Rota) -> None:
    events, prefix = deployed.client("events"), deployed.names["rule_prefix"]
    events.put_rule(Name=f"{prefix}Hourly", ScheduleExpression="rate(1 hour)")
    events.put_rule(Name=f"{prefix}IngestData", ScheduleExpression="cron(30 7 * * ? *)")
    refused = rota("run", "Hourly", "--yes").err
    assert refused.endswith("owns no rule of the job Hourly\nthe jobs are CountTeaspoons, IngestData, RemoveSpam\n")
    deployed.advance(60)
    sweep(deployed)
    shown = rota("status").words
    assert "Hourly: its rule has the app's prefix and is not the app's; to hand it over: rota import --tag" in shown
    assert "IngestData: its rule has cron(30 7 * * ? *), and the schedule file cron(0 6 * * ? *)" in shown
    assert shown.count("its rule") == 2, "of those that are as they should be nothing"


def test_times_are_by_the_clock_of_aws(deployed: Client, rota: Rota) -> None:
    deployed.advance(5 * 3600 + 60)  # AWS says the time of its answers in whole seconds
    assert "live for 5 h" in rota("status").out
    assert "5 h ago" in rota("history").out
    assert rota("status", "--json").json["at"][:13] == deployed.clock()[:13]


def test_one_refusal_is_retried(deployed: Client, rota: Rota) -> None:
    deployed.faults([{"service": "dynamodb", "operation": "Query", "count": 1, "fault": "internal"}])
    assert rota("status").exit == 0


def test_no_such_stack(deployed: Client, rota: Rota) -> None:
    done = rota("status", "--stack", "rotta")
    assert done.exit == 4
    assert "the Rota stacks here are rota" in done.err


def test_lists_of_parameters_are_as_they_were_given(deployed: Client) -> None:
    (stack,) = deployed.client("cloudformation").describe_stacks(StackName="rota")["Stacks"]
    shown = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert shown["SubnetIds"].count("subnet-") == 2
    assert shown["SubnetIds"].count(",") == 1
    assert shown["FormerEventsRoleArns"] == ""


def test_explain_leads_from_the_rule_to_the_release(deployed: Client, rota: Rota) -> None:
    explained = rota("explain", "IngestData", "--json").json
    links = {link["what"]: f"{link['name']} {link['because']}" for link in explained["chain"]}
    assert explained["subject"] == "task"
    assert "production__guestbook__IngestData cron(0 6 * * ? *), ENABLED; Rota's own" in links["rule"]
    assert "scheduled_tasks.json line " in links["schedule file"]
    assert links["release"].startswith("v1 v1 registered this revision: push")
    assert links["base"].startswith("guestbook:1 ")


def test_plan_is_the_dry_run_of_the_machine(deployed: Client, rota: Rota) -> None:
    nothing = rota("plan", "--exit-code", "--json")
    assert (nothing.exit, nothing.json["nothing_to_do"]) == (0, True)
    differs = rota("plan", "--image", "initial", "--exit-code", "--json")
    assert differs.exit == 3
    assert {task["change"] for task in differs.json["tasks"]} == {"image"}
    assert differs.json["service"]["rolls"]


def newest_version(stage: Client) -> str:
    """The S3 version of the schedule file that is in the bucket."""
    version: str = stage.client("s3").head_object(Bucket=stage.names["bucket"], Key="scheduled_tasks.json")["VersionId"]
    return version


def test_a_file_that_is_not_uploaded_is_planned(deployed: Client, rota: Rota, tmp_path: Path) -> None:
    version = newest_version(deployed)
    file = tmp_path / "new.yaml"
    file.write_text("tasks:\n  - {name: IngestData, task: teaspoon_task, cron: '0 7 * * ? *', overlap: skip}\n")
    refused = rota("plan", "--file", str(file))
    assert (refused.exit, "tasks[0].overlap: " in refused.err) == (1, True)  # the machine knows RunActions
    assert (refused.err.count("correct"), "upload" in refused.err) == (1, False), refused.err
    file.write_text(file.read_text().replace(", overlap: skip", ""))
    planned = rota("plan", "--file", str(file), "--exit-code", "--json")
    assert (planned.exit, planned.json["schedule"]["proposed"]) == (3, str(file))
    assert {each["task"]: each["change"] for each in planned.json["tasks"]} == {
        "CountTeaspoons": "remove",
        "IngestData": "update",
        "RemoveSpam": "remove",
    }
    assert newest_version(deployed) == version, "the bucket's file is as it was"
    shown = rota("plan", "--file", str(file)).words
    assert f"schedule file {file} (not uploaded)" in shown
    assert "runs ./bin/start data_ingestion_task -> ./bin/start teaspoon_task" in shown
    assert f"Deploy it: rota deploy --schedule {file} --image v1" in shown


def test_a_schedule_file_is_uploaded_and_deployed_at_once(deployed: Client, rota: Rota, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    file.write_text("tasks:\n  - {name: IngestData, task: data_ingestion_task, rate: 5 min}\n")
    wrong = rota("deploy", "--schedule", str(file), "--yes")
    assert (wrong.exit, 'tasks[0].rate: "5 min" is not a rate' in wrong.err, wrong.out) == (1, True, "")
    file.write_text(file.read_text().replace("5 min", "5 minutes"))
    done = rota("deploy", "--schedule", str(file), "--plan-first", "--yes")
    assert (done.exit, "0 revisions to register; the service is unchanged" in done.words) == (0, True)
    assert "2 REMOVED" in done.out
    assert "is uploaded: s3://" in done.err
    status = rota("status", "--json").json
    assert [task["task"] for task in status["tasks"]] == ["IngestData"]
    refused = rota("deploy", "--schedule", str(file), "--again", "--yes")
    assert (refused.exit, "--again is about an earlier one" in refused.err) == (2, True)
    # A job that has left the file runs as a release had it.
    deployed.settings(tasks="scripted", script={"seconds": 0})
    assert rota("run", "RemoveSpam", "--release", "v1", "--yes").exit == 0
    for release, words in {"v9": "there is no release or deployment v9", "v2": "v2 had no job RemoveSpam"}.items():
        none = rota("run", "RemoveSpam", "--release", release, "--yes")
        assert (none.exit, words in none.err) == (125, True)


@pytest.mark.exhaustive(first=0)
def test_what_is_in_the_bucket_is_deployed_and_a_bad_file_is_not(deployed: Client, rota: Rota, tmp_path: Path) -> None:
    uploaded = rota("deploy", "--schedule", "examples/app/scheduled_tasks.next.json", "--yes")
    assert uploaded.exit == 0
    assert rota("plan", "--exit-code").exit == 0, "what is live is what is in the bucket"
    deployed.upload_schedule(b'{"tasks": []}')
    assert rota("deploy", "--again", "--yes").exit == 0
    assert rota("status", "--json").json["tasks"] == [], "the schedule file is read again"
    demanding = tmp_path / "demanding.json"
    demanding.write_text(json.dumps({"tasks": [DEMANDING]}))
    failed = rota("deploy", "--schedule", str(demanding), "--yes")
    assert (failed.exit, "To put the live one back: aws s3api copy-object" in failed.err) == (1, True), failed.err


@pytest.mark.exhaustive(first=0)
def test_a_schedule_file_stops_no_push(deployed: Client, rota: Rota) -> None:
    """It changes what is live, and has no place in the line of pushes."""
    deployed.settings(rollout_seconds=1)
    before = len(deployed.executions())
    deployed.push("v2")
    wait_for(lambda: len(deployed.executions()) > before, 30)
    push = deployed.executions()[0]
    wait_for(lambda: "RollService" in str(deployed.history(push)), 30)
    change = rota("deploy", "--schedule", "examples/app/scheduled_tasks.next.json", "--yes", "--no-wait", "--json")
    for execution in (push, change.json["execution"]):
        ended = deployed.wait(execution)
        assert ended["status"] == "SUCCEEDED", ended.get("cause")
    status = rota("status", "--json").json
    assert (status["release"]["tag"], status["release"]["kind"], len(status["tasks"])) == ("v2", "schedule", 3)


@pytest.mark.exhaustive(first=0)
def test_what_was_confirmed_deploys_and_no_newer_file(deployed: Client, rota: Rota, tmp_path: Path) -> None:
    file = tmp_path / "new.json"
    file.write_text('{"tasks": [{"name": "Mine", "task": "spam_task", "rate": "1 day"}]}')
    assert rota("pause", "--deployments", "--yes", "--reason", "the sale").exit == 0
    assert rota("deploy", "--schedule", str(file), "--yes").exit == 6
    deployed.upload_schedule(b'{"tasks": []}')
    assert "note: deployments are held: add --now, or it waits" in rota("plan").words
    assert "the change of the schedule file waits for the hold to end" in rota("status").words
    assert rota("resume", "--deployments", "--yes").exit == 0
    assert [task["task"] for task in rota("status", "--json").json["tasks"]] == ["Mine"]


def events(done: Done) -> list[dict[str, Any]]:
    """What a command printed while it watched."""
    return [json.loads(line) for line in done.out.splitlines()]


def test_it_is_watched_until_everything_is_live(deployed: Client, rota: Rota) -> None:
    done = rota("deploy", "--image", "initial", "--yes", "--wait-until", "live", "--json")
    said = [json.loads(line) for line in done.out.splitlines()]
    assert (done.exit, [each.get("step") for each in said[-2:]]) == (0, ["CheckService", None])
    assert said[-1] == {"event": "live", "execution": said[0]["execution"]}


@pytest.mark.exhaustive(first=0)
def test_a_deployment_that_fails_exits_with_1(deployed: Client, rota: Rota) -> None:
    deployed.upload_schedule(b'{"tasks": [{"name": "A", "task": "a", "rate": "5 min"}]}')
    planned = rota("plan")
    assert (planned.exit, planned.out) == (1, "")
    assert 'tasks[0].rate: "5 min" is not a rate' in planned.err
    done = rota("deploy", "--again", "--yes")
    assert done.exit == 1
    assert done.err.startswith("rota: it failed\nService and schedules are as before. Why: rota explain deploy-")
    explained = rota("explain").out
    assert "failed" in explained
    assert explained.count('tasks[0].rate: "5 min" is not a rate') == 1
    assert "the last deployment, of v1, failed" in rota("status").words


@pytest.mark.exhaustive(first=0)
def test_a_rollout_that_fails_shows_what_ecs_says(deployed: Client, rota: Rota) -> None:
    deployed.settings(rollout="fails")
    done = rota("deploy", "--image", "initial", "--yes", "--json")
    said = [each["message"] for each in events(done) if each["event"] == "service"]
    assert (done.exit, events(done)[-1]["outcome"]) == (1, "failed")
    assert any("deployment failed: tasks failed to start" in each for each in said)
    assert any("rolling back to deployment" in each for each in said)
    again = rota("deploy", "--again")
    assert "initial is not the live image, which is v1. To deploy that again: rota deploy --image " in again.err
    command = again.err.partition("again: rota ")[2].split()[:3]
    deployed.client("ecr").batch_delete_image(repositoryName="guestbook", imageIds=[{"imageTag": "v1"}])
    assert "Deploy v1 to" in rota(*command).err


def test_a_deployment_that_runs_is_watched_stopped_and_restored(deployed: Client, rota: Rota) -> None:
    deployed.settings(rollout="hangs")
    deployed.clear_calls()
    started = rota("deploy", "--image", "initial", "--yes", "--no-wait", "--json")
    assert started.exit == 0
    wait_for(lambda: deployed.calls("ecs", "UpdateService"), 30)
    wait_for(lambda: '"rolling"' in rota("status", "--json").out, 30)
    shown = rota("status").out
    assert ("deploying initial for" in shown, ": rolling" in shown) == (True, True)

    planned = rota("plan", "--image", "initial").out
    assert "was deploying: this is compared with what it had changed so far" in " ".join(planned.split())
    attached = rota("deploy", "--image", "initial", "--yes", "--no-wait", "--reason", "the new prices", "--now")
    name = json.loads(started.out)["execution"].rpartition(":")[2]
    said = f"initial deploys already: {name}; your reason is not recorded, because nothing new is started"
    said += "; --now does nothing, because it has passed the holds"
    assert (attached.exit, said in attached.err) == (0, True)
    assert attached.out.startswith(f"runs already: {name}   watch it: rota deploy --watch {name}")

    restored = rota("restore", "--yes", "--reason", "the wrong image")
    assert (restored.exit, "in Restored" in restored.out) == (0, True)
    last = rota("history", "--all", "--json").json["releases"][0]
    assert (last["outcome"], "the wrong image" in last["cause"]) == ("aborted", True)
    assert rota("status", "--json").json["release"]["release"] == "v1"


def findings(done: Done, status: str) -> str:
    """What `rota check --json` found of that kind."""
    return "; ".join(f"{each['name']}: {each['message']}" for each in done.json["checks"] if each["status"] == status)


@pytest.fixture
def broken(deployed: Client) -> Iterator[Client]:
    """What a person broke by hand. A reset does not bring back roles and log groups."""
    iam, logs = deployed.client("iam"), deployed.client("logs")
    trust = iam.get_role(RoleName="guestbook-task")["Role"]["AssumeRolePolicyDocument"]
    events, prefix = deployed.client("events"), deployed.names["rule_prefix"]
    events.untag_resource(ResourceARN=events.describe_rule(Name=f"{prefix}RemoveSpam")["Arn"], TagKeys=["rota:app"])
    (target,) = events.list_targets_by_rule(Rule=f"{prefix}IngestData")["Targets"]
    events.put_targets(Rule=f"{prefix}IngestData", Targets=[{**target, "Id": "another"}])
    deployed.client("s3").delete_object(Bucket=deployed.names["bucket"], Key="scheduled_tasks.json")
    logs.delete_log_group(logGroupName="/ecs/guestbook")
    iam.delete_role(RoleName="guestbook-task")
    yield deployed
    iam.create_role(RoleName="guestbook-task", AssumeRolePolicyDocument=json.dumps(trust))
    logs.create_log_group(logGroupName="/ecs/guestbook")


def test_check_finds_what_a_person_broke_by_hand(broken: Client, rota: Rota) -> None:
    done = rota("check", "--json")
    assert (done.exit, done.json["ok"]) == (1, False)
    found = findings(done, "fail")
    for words in (
        "targets: IngestData has 2 targets",
        "targets: RemoveSpam has a rule that has no tag rota:app",
        "log groups: there is no log group /ecs/guestbook",
        "role of tasks: there is no role guestbook-task",
        "schedule file: scheduled_tasks.json is not in the bucket",
    ):
        assert words in found


DEMANDING: dict[str, Any] = {
    "name": "Report",
    "task": "spam_task",
    "rate": "1 day",
    "secrets": {
        "TOKEN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:guestbook/no-AbCdEf",
        "KEY": "/guestbook/no",
    },
    "subnets": ["subnet-12345678"],
    "security_groups": ["sg-12345678"],
    "capacity_provider": "FARGATE_SPOT",
}


def test_check_finds_what_tasks_name_and_is_not_there(deployed: Client, rota: Rota) -> None:
    deployed.upload_schedule({"tasks": [DEMANDING, {"name": "Other", "task": "spam_task", "rate": "1 day"}]})
    found = findings(rota("check", "--json"), "fail")
    no_run = "no run of Report would start"
    for words in (
        f"secrets: {DEMANDING['secrets']['TOKEN']} is not there: {no_run}",
        f"secrets: /guestbook/no is not there: {no_run}",
        f"networking: subnet-12345678 is not there: {no_run}",
        f"networking: sg-12345678 is not there: {no_run}",
        f"capacity: the cluster production does not have FARGATE_SPOT: {no_run}",
    ):
        assert words in found


@pytest.mark.exhaustive(first=0)
def test_check_of_what_tasks_name_and_is_there(deployed: Client, rota: Rota) -> None:
    ecs, ec2, ssm = (deployed.client(name) for name in ("ecs", "ec2", "ssm"))
    ecs.put_cluster_capacity_providers(
        cluster="production", capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    ssm.put_parameter(Name="/guestbook/key", Value="of-ssm", Type="SecureString", Overwrite=True)
    *_, subnet = ec2.describe_subnets()["Subnets"]
    keys = {"secrets": {"KEY": "/guestbook/key"}, "subnets": [subnet["SubnetId"]], "capacity_provider": "FARGATE_SPOT"}
    with updated(
        deployed, TaskNetworks="any", SecretsAllowed="arn:aws:ssm:us-east-1:123456789012:parameter/guestbook/*"
    ):
        deployed.upload_schedule({"tasks": [{"name": "Report", "task": "spam_task", "rate": "1 day", **keys}]})
        done = rota("check", "--json")
    ssm.delete_parameter(Name="/guestbook/key")
    assert (done.exit, findings(done, "fail")) == (0, "")
    assert "capacity: the cluster production has FARGATE_SPOT" in findings(done, "ok")
    looked_at = findings(done, "ok") + findings(done, "unknown")
    assert f"networking: {subnet['SubnetId']}, of Report," in looked_at


def test_check_goes_on_where_the_service_is_gone(deployed: Client, rota: Rota) -> None:
    """The board says then: rota check."""
    deployed.client("ecs").delete_service(cluster="production", service="guestbook-api", force=True)
    done = rota("check", "--json")
    assert (done.exit, "service: " in findings(done, "fail")) == (1, True), done
    assert "alarms: " in findings(done, "ok") + findings(done, "unknown"), "the last that is looked at"


def test_check_goes_on_where_a_call_is_denied(deployed: Client, rota: Rota) -> None:
    deployed.faults([{"service": "iam", "operation": "GetRole", "count": 9, "fault": "denied"}])
    done = rota("check", "--json")
    assert (done.exit, findings(done, "fail")) == (0, "")
    assert "role of EventBridge: not to be seen: iam:GetRole is denied" in findings(done, "unknown")


def test_check_of_a_file_is_json_too(rota: Rota, tmp_path: Path) -> None:
    file = tmp_path / "scheduled_tasks.json"
    file.write_text('{"tasks": [{"name": "A", "task": "a", "rate": "5 min"}]}')
    done = rota("check", str(file), "--json")
    assert_as_the_schema_says(done.json)
    assert (done.exit, done.json["faults"][0]["place"]) == (1, "tasks[0].rate")
    file.write_text('{"tasks": [{"name": "A", "task": "a", "cron": "0 6 * * ? *"}]}')
    (task,) = rota("check", str(file), "--json").json["tasks"]
    assert (task["task"], task["in_words"]) == ("A", "every day at 06:00 UTC")
    assert [at[10:] for at in task["next"]] == ["T06:00:00Z"] * 3


def assert_deployed_and_watched(deployed: Client, rota: Rota) -> None:
    """`rota deploy` of the image `initial`, by its digest, watches to the end."""
    digest = deployed.client("ecr").describe_images(repositoryName="guestbook", imageIds=[{"imageTag": "initial"}])
    whole = digest["imageDetails"][0]["imageDigest"]
    done = rota("deploy", "--image", whole, "--yes", "--json", "--reason", "the old one")
    assert done.exit == 0
    assert [each["step"] for each in events(done)[1:4]] == ["TakeTurn", "ReadConfig", "PlanDeployment"]
    end = events(done)[-1]
    assert (end["event"], end["outcome"], end["release"]) == ("end", "deployed", "v2")
    newest = rota("history", "--json").json["releases"][0]
    assert (newest["live"], newest["kind"], newest["reason"], newest["by"]) == (
        True,
        "image",
        "the old one",
        "user/moto",
    )

    again = rota("deploy", "--again", "--yes")
    assert (again.exit, "SUCCEEDED in NothingToDo" in again.out) == (0, True)


def test_what_was_deployed_is_rolled_back_and_barred(deployed: Client, rota: Rota) -> None:
    assert_deployed_and_watched(deployed, rota)
    assert ": Roll back production/guestbook-api" in (asked := rota("rollback", "--reason", "the login fails").err)
    assert " to v1 (v1)?\n" in asked
    done = rota("rollback", "--yes", "--reason", "the login fails")
    assert done.exit == 0
    assert "to undo it: rota rollback v2" in done.words
    assert '{"kind"' not in done.out + rota("history").out
    assert "Barred: initial. To lift that: rota resume --barred\nTo undo it: rota rollback v2 --reason" in done.out
    assert "the next push reads it" not in done.out
    status = rota("status", "--json").json
    assert (status["release"]["release"], status["release"]["tag"], status["release"]["kind"]) == (
        "v3",
        "v1",
        "rollback",
    )
    assert [bar["reason"] for bar in status["barred"]] == ["the login fails"]
    lifted = rota("resume", "--barred", "--yes")
    assert (lifted.exit, "in Done" in lifted.out) == (0, True)
    assert rota("status", "--json").json["barred"] == []
    assert rota("resume", "--barred", "--yes").out == "No image is barred.\n"


@pytest.mark.exhaustive(first=0)
def test_a_rollback_is_planned_first_and_done_once(deployed: Client, rota: Rota) -> None:
    assert rota("deploy", "--image", "initial", "--yes").exit == 0
    asked = rota("rollback", "--plan-first", "--image-only", "--with-before", "--reason", "the login fails")
    assert (asked.exit, "rota rollback v1 --image-only --with-before --reason ..." in asked.words) == (2, True)
    done = rota("rollback", "--plan-first", "--yes", "--reason", "the login fails")
    assert (done.exit, "image initial -> v1" in done.out) == (0, True)
    assert "Deploy it: rota rollback v1 --reason ..." in done.words
    assert '{"kind"' not in done.out
    assert "To undo it" not in rota("rollback", "v3", "--yes", "--reason", "once more").out
    assert rota("pause", "RemoveSpam", "--reason", "it may wait").exit == 0
    again = rota("deploy", "--again", "--yes")  # of the rollback, not of the pause
    assert (again.exit, "in NothingToDo" in again.out) == (0, True)


def test_a_rollback_says_what_the_next_push_reads(deployed: Client, rota: Rota) -> None:
    bucket = deployed.names["outputs"]["BucketName"]

    def file() -> bytes:
        content: bytes = deployed.client("s3").get_object(Bucket=bucket, Key="scheduled_tasks.json")["Body"].read()
        return content

    before = file()
    newer = deployed.upload_schedule(b'{"tasks": []}')
    done = rota("rollback", "v1", "--yes", "--reason", "all jobs would be gone")
    assert (done.exit, file()) == (0, b'{"tasks": []}')
    (line,) = (each for each in done.out.splitlines() if "--upload-schedule" in each)
    assert "in the bucket is newer, and the next push reads it" in done.out
    asked = rota(*line.split()[1:-1], "as said")
    assert f"put its schedule file over scheduled_tasks.json (version {newer})?" in asked.err
    done = rota(*line.split()[1:-1], "as said", "--yes")
    assert (done.exit, file(), f"over scheduled_tasks.json (version {newer})." in done.out) == (0, before, True)


@pytest.mark.exhaustive(first=0)
def test_a_rollback_covers_no_file_that_came_meanwhile(deployed: Client, rota: Rota) -> None:
    deployed.upload_schedule(b'{"tasks": []}')
    deployed.faults([{"service": "events", "operation": "ListRules", "count": 0, "fault": "throttle"}])

    def author() -> str:
        wait_for(lambda: deployed.faults_so_far()[0]["hit"], 30)
        version = deployed.upload_schedule(b'{"tasks": [] }')
        deployed.faults([])
        return version

    with ThreadPoolExecutor() as pool:
        uploading = pool.submit(author)
        done = rota("rollback", "v1", "--upload-schedule", "--yes", "--json", "--reason", "as said")
    newest = newest_version(deployed)
    assert (done.exit, newest) == (0, uploading.result())
    assert f"(version {newest}) stays: the question did not name it" in done.err


@pytest.mark.exhaustive(first=0)
def test_a_push_that_is_held_waits_for_resume(deployed: Client, rota: Rota) -> None:
    held = rota("pause", "--deployments", "--for", "2h", "--yes", "--reason", "the sale")
    assert (held.exit, "Deployments are held until 20" in held.out) == (0, True)
    stopped = rota("deploy", "--image", "initial", "--yes")
    shown = stopped.words
    assert (stopped.exit, shown.count("To end the hold: rota resume --deployments")) == (6, 1), shown
    assert "To deploy it now: rota deploy --image initial --now." in shown
    assert '{"kind"' not in shown
    assert rota("deploy", "--image", "initial", "--yes", "--now").exit == 0
    assert deployed.deploy("v2")["status"] == "SUCCEEDED"
    shown = rota("status").words
    assert "deployments are held by user/moto" in shown
    assert "the push of v2 waits for the hold to end" in shown
    assert rota("resume", "--deployments", "--yes").exit == 0
    status = rota("status", "--json").json
    assert (status["hold"], status["pending"], status["release"]["tag"]) == (None, None, "v2")


def test_a_job_is_paused_and_resumed(deployed: Client, rota: Rota) -> None:
    deployed.settings(tasks="scripted", script={"seconds": 0})
    paused = rota("pause", "RemoveSpam", "--for", "2h", "--reason", "it removes too much")
    assert (paused.exit, "Paused: RemoveSpam until 20" in paused.out) == (0, True)
    assert ': "it removes too much"' in rota("status").words
    (task,) = (each for each in rota("status", "--json").json["tasks"] if each["task"] == "RemoveSpam")
    assert (task["enabled"], task["paused"]["by"], task["drift"]) == (False, "user/moto", [])
    explained = rota("explain", "RemoveSpam")
    assert "RemoveSpam does not run: it is paused" in explained.out
    assert 'UTC: "it removes too much"' in explained.words
    assert ("by hand" in explained.out, "rota resume RemoveSpam" in explained.out) == (False, True)
    deployed.advance(31 * 60)
    resumed = rota("resume", "RemoveSpam", "--run-missed")
    assert (resumed.exit, "RemoveSpam is started: guestbook:" in resumed.err) == (0, True)
    (task,) = (each for each in rota("status", "--json").json["tasks"] if each["task"] == "RemoveSpam")
    assert (task["enabled"], task["paused"]) == (True, None)
    assert rota("resume", "RemoveSpam").out == "Not paused: RemoveSpam.\n"
    (over,) = (each for each in rota("explain", "RemoveSpam", "--json").json["chain"] if each["what"] == "was paused")
    assert over["name"] == "by user/moto"
    assert 'user/moto resumed it: "it removes too much"; ' in over["because"]
    assert " runs did not start, the last one due " in over["because"]
    (pause,) = rota("history", "--task", "RemoveSpam", "--json").json["pauses"]
    assert (pause["by"], pause["reason"]) == ("user/moto", "it removes too much")
