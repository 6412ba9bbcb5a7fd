"""Everything that may happen to deployments, in short: together the scenarios need every permission of Rota."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from examples.guestbook.client import Client
from stage.client import ROOT, wait_for
from tests.stage.account import PREFIX, infrastructure_registers, schedules, service
from tests.stage.updated import updated

_FILE: dict[str, Any] = json.loads((ROOT / "examples/app/scheduled_tasks.next.json").read_text())
NEXT = {"tasks": [{key: value for key, value in task.items() if key != "timezone"} for task in _FILE["tasks"]]}
"""The example's second file, in rules alone."""
MIGRATING: dict[str, Any] = json.loads((ROOT / "examples/app/scheduled_tasks.migrating.json").read_text())
THROTTLED = {"service": "dynamodb", "operation": "UpdateItem", "count": 0, "fault": "throttle"}
Scenario = Callable[[Client], object]


def first_deployment(stage: Client) -> None:
    stage.deploy("v1")
    stage.fire(PREFIX + "IngestData")


def removed_tasks(stage: Client) -> None:
    """A task leaves the file; a target that was added to another task's rule is removed."""
    stage.deploy("v1")
    add_a_target(stage, "IngestData")
    stage.upload_schedule(NEXT)
    stage.deploy("v2")


def spot(stage: Client) -> None:
    """A job runs on Spot, once the cluster has that capacity provider."""
    stage.upload_schedule({"tasks": [{**NEXT["tasks"][0], "capacity_provider": "FARGATE_SPOT"}]})
    stage.deploy("v1")
    stage.client("ecs").put_cluster_capacity_providers(
        cluster=stage.names["cluster"], capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
    )
    stage.deploy("v2")
    stage.fire(PREFIX + NEXT["tasks"][0]["name"])


def nothing_to_do(stage: Client) -> None:
    first = stage.deploy("v1")
    stage.wait(stage.start(first["input"]))


def dry_run(stage: Client) -> None:
    first = stage.deploy("v1")
    stage.wait(stage.start({**first["input"], "dry_run": True}))


def tags_that_are_not_listed_yet(stage: Client) -> None:
    """Rules are asked for their owner: before a deployment, when it is restored, and when the next one changes them."""
    stage.settings(late_tags=86_400)
    stage.deploy("v1")
    stage.upload_schedule(NEXT)
    stage.faults([{"service": "ecs", "operation": "UpdateService", "caller": "RollService", "fault": "denied"}])
    stage.deploy("v2")
    add_a_target(stage, "IngestData")
    stage.deploy("v3")


def no_schedule_file(stage: Client) -> None:
    """Problems of the account and of the restore of existing rules are in one message."""
    stage.deploy("v0")
    stage.client("s3").delete_object(Bucket=stage.names["bucket"], Key=stage.names["schedule_key"])
    stage.deploy("v1")


def overtaken_while_rolling(stage: Client) -> None:
    """Rules, targets and the service are restored for the newer push."""
    stage.deploy("v1")
    add_a_target(stage, "CountTeaspoons")
    stage.upload_schedule(NEXT)
    push_while_rolling(stage)
    wait_for_all(stage)


def push_while_rolling(stage: Client) -> None:
    """Push v2, and v3 while its rollout goes on."""
    stage.settings(rollout="hangs")
    stage.clear_calls()
    stage.push("v2")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    stage.settings(rollout="completes")
    stage.push("v3")


def failed_while_baking(stage: Client) -> None:
    """ECS rolls the service back before the deployment has looked at it; the next one bakes to the end."""
    stage.deploy("v1")
    configuration = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 2}
    cluster, name = stage.names["cluster"], stage.names["service"]
    stage.client("ecs").update_service(cluster=cluster, service=name, deploymentConfiguration=configuration)
    call = {"service": "ecs", "operation": "DescribeServiceDeployments", "caller": "CheckService"}
    stage.faults([call | {"fault": "denied"}])
    stage.deploy("v2")
    stage.deploy("v3")


def failed_targets(stage: Client) -> None:
    """A target is refused: what was created is removed, what was changed is restored."""
    stage.deploy("v1")
    stage.upload_schedule(NEXT)
    stage.faults([{"service": "ecs", "operation": "UpdateService", "caller": "RollService", "fault": "denied"}])
    stage.deploy("v2")


def killed_in_two_steps(stage: Client) -> None:
    """The next attempts ask whether the invocations in the lease have ended, and find registered revisions."""
    registering = {"service": "ecs", "operation": "RegisterTaskDefinition", "skip": 1, "fault": "kill_after"}
    stage.deploy("v1")
    stage.upload_schedule(NEXT)
    stage.faults(
        [
            {"service": "events", "operation": "ListTagsForResource", "fault": "kill", "caller": "ClearRules"},
            {**registering, "caller": "RegisterRevisions"},
        ]
    )
    stage.deploy("v2")


def replaced_by_infrastructure_code(stage: Client) -> None:
    """The service's former revision is INACTIVE at the restore and is registered again."""
    former = service(stage)["taskDefinition"]
    infrastructure_registers(stage, {"environment": []})
    stage.client("ecs").deregister_task_definition(taskDefinition=former)
    stage.faults([{"service": "ecs", "operation": "DescribeServices", "caller": "CheckService", "fault": "denied"}])
    stage.deploy("v1")


def stopped_by_a_person(stage: Client) -> None:
    """Another execution restores what it had changed."""
    stage.settings(rollout="hangs")
    stage.push("v1")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    (stopped,) = stage.executions()
    stage.client("stepfunctions").stop_execution(executionArn=stopped)
    stage.settings(rollout="completes")
    stage.restored_by(stopped)


def artifacts_that_are_gone(stage: Client) -> None:
    """A deployment reads its revisions instead. The restore of one says at once that it cannot go on."""
    stage.deploy("v1")
    delete_artifacts(stage)
    stage.settings(rollout="hangs")
    stage.clear_calls()
    stage.push("v2")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    delete_artifacts(stage)
    stage.client("stepfunctions").stop_execution(executionArn=(stopped := stage.executions()[0]))
    stage.restored_by(stopped)


def killed_in_every_attempt(stage: Client) -> None:
    """RestoreDeployment asks whether the invocation in the lease has ended."""
    stage.faults(
        [{"service": "ecs", "operation": "UpdateService", "caller": "RollService", "count": 0, "fault": "kill"}]
    )
    stage.deploy("v1")


def finished_by_the_restore(stage: Client) -> None:
    """The first release is complete, and FinishDeployment cannot write that."""
    denied = {"service": "dynamodb", "operation": "TransactWriteItems", "count": 0, "fault": "denied"}
    stage.faults([{**denied, "caller": "FinishDeployment"}])
    stage.deploy("v1")


def left_behind(stage: Client) -> None:
    """What ECS does not deregister for a restore stays ACTIVE."""
    stage.settings(time_scale=0.001)
    denied = {"service": "ecs", "count": 0, "fault": "denied"}
    stage.faults(
        [
            {**denied, "operation": "UpdateService", "caller": "RollService"},
            {**denied, "operation": "DeregisterTaskDefinition", "caller": "RestoreDeployment"},
        ]
    )
    stage.deploy("v1")
    stage.faults([])
    stage.deploy("v2")


def rolled_back(stage: Client) -> None:
    """A release comes back; the next time its plan is gone."""
    stage.deploy("v1")
    stage.deploy("v2")
    back = {"kind": "rollback", "release": "previous"}
    stage.wait(stage.start(back))
    delete_artifacts(stage)
    stage.wait(stage.start(back))


def held_until_sweep_deploys(stage: Client) -> None:
    """A push is held, and deployed when the hold is over. A year later its plan is stored again, then it is gone."""
    stage.deploy("v1")
    soon = datetime.fromisoformat(stage.clock()) + timedelta(minutes=5)
    stage.wait(stage.start({"kind": "pause", "hold": {"until": soon.isoformat()}}))
    stage.deploy("v2")
    stage.advance(600)
    sweep(stage)
    wait_for_all(stage)
    late = (soon + timedelta(days=365)).replace(hour=3, minute=10, second=0, microsecond=0)
    stage.set_clock(f"{late:%Y-%m-%dT%H:%M:%SZ}")
    sweep(stage)
    delete_artifacts(stage)
    sweep(stage)


def approved(stage: Client) -> None:
    """A push waits for an approval and gets it; Sweep, which would start it too, does not run."""
    stage.deploy("v1")
    with updated(stage, Approval="required"):
        stage.deploy("v2")
        approve(stage, "pending")


def approve(stage: Client, what: str) -> None:
    """What waits in that attribute of the gates is approved, and deploys."""
    table = stage.names["outputs"]["LedgerTableName"]
    app = f"{stage.names['cluster']}/{stage.names['service']}"
    key = {"app": {"S": app}, "record": {"S": "lease"}}
    lease = stage.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    changes = lease["gates"]["M"][what]["M"]["asks"]["M"]["changes"]["S"]
    answer = {"changes": changes, "approves": True, "by": "ann", "reason": "the new prices"}
    name = stage.names["outputs"]["ApproveFunctionName"]
    stage.client("lambda").invoke(FunctionName=name, Payload=json.dumps(answer).encode())
    wait_for_all(stage)


def paused_while_the_file_changes(stage: Client) -> None:
    """A pause that fails is withdrawn. Others meet a file that removes one task and switches another off; one ends in
    time, and the rule of one without an end was enabled by hand.
    """
    stage.deploy("v1")
    tasks = sorted(schedules(stage))
    of_pauses = {"service": "events", "operation": "DisableRule", "caller": "ChangePauses"}
    stage.faults([{**of_pauses, "fault": "denied", "count": 0}])
    stage.wait(stage.start({"kind": "pause", "pause": {"tasks": tasks}}))
    stage.faults([{**of_pauses, "fault": "kill"}])
    soon = datetime.fromisoformat(stage.clock()) + timedelta(minutes=5)
    stage.wait(stage.start({"kind": "pause", "pause": {"tasks": tasks, "until": soon.isoformat()}}))
    stage.upload_schedule({"tasks": [NEXT["tasks"][0], *({**each, "enabled": False} for each in NEXT["tasks"][1:])]})
    stage.deploy("v2")
    lasting = NEXT["tasks"][0]["name"]
    stage.wait(stage.start({"kind": "pause", "pause": {"tasks": [lasting]}}))
    stage.wait(stage.start({"kind": "resume", "pause": {}}))
    stage.wait(stage.start({"kind": "pause", "pause": {"tasks": [lasting], "until": soon.isoformat()}}))
    stage.advance(600)
    sweep(stage)
    stage.wait(stage.start({"kind": "pause", "pause": {"tasks": [lasting]}}))
    stage.client("events").enable_rule(Name=PREFIX + lasting)
    stage.advance(3700)
    sweep(stage)


def jobs_in_scheduler(stage: Client) -> None:
    """An attempt that created a schedule died. A start is given up; then one job leaves the file, and one changes,
    becomes a rule and comes back.
    """
    ingest, spam = zoned(NEXT["tasks"][0]), zoned(NEXT["tasks"][1])
    stage.upload_schedule({"tasks": [ingest, spam]})
    stage.faults(
        [{"service": "scheduler", "operation": "CreateSchedule", "caller": "CreateTargets", "fault": "kill_after"}]
    )
    stage.deploy("v1")
    stage.fire(in_group(stage, ingest["name"]))
    sweep(stage)
    stage.settings(run_task="refused")
    stage.fire(in_group(stage, ingest["name"]))
    stage.settings(run_task="ok")
    stage.upload_schedule({"tasks": [{**ingest, "timezone": "Asia/Tokyo"}]})
    stage.deploy("v2")
    in_rules = {key: value for key, value in ingest.items() if key != "timezone"}
    for tag, tasks in (("v3", [in_rules]), ("v4", [ingest])):
        stage.upload_schedule({"tasks": tasks})
        stage.deploy(tag)
    wait_for(lambda: len(runs(stage)) > 1, 20)


def schedules_are_restored(stage: Client) -> None:
    """A person stops a deployment that adds, changes and removes schedules, and deletes one meanwhile."""
    first, second = (zoned(task) for task in NEXT["tasks"][:2])
    stage.upload_schedule({"tasks": [first, second]})
    stage.deploy("v1")
    stage.upload_schedule({"tasks": [{**first, "timezone": "Asia/Tokyo"}, {**first, "name": "Other"}]})
    stage.settings(rollout="hangs")
    stage.clear_calls()
    stage.push("v2")
    wait_for(lambda: stage.calls("ecs", "UpdateService"), 30)
    group, _, name = in_group(stage, first["name"]).partition("/")
    stage.client("scheduler").delete_schedule(GroupName=group, Name=name)
    stopped = stage.executions()[0]
    stage.client("stepfunctions").stop_execution(executionArn=stopped)
    stage.settings(rollout="completes")
    stage.restored_by(stopped)


def schedules_are_paused(stage: Client) -> None:
    """A pause of a schedule that fails is withdrawn; another ends in time."""
    job = zoned(NEXT["tasks"][0])
    stage.upload_schedule({"tasks": [job]})
    stage.deploy("v1")
    asked: dict[str, Any] = {"kind": "pause", "pause": {"tasks": [job["name"]]}}
    of_pauses = {"service": "scheduler", "operation": "UpdateSchedule", "caller": "ChangePauses"}
    stage.faults([{**of_pauses, "fault": "denied", "count": 0}])
    stage.wait(stage.start(asked))
    stage.faults([])
    soon = datetime.fromisoformat(stage.clock()) + timedelta(minutes=5)
    stage.wait(stage.start({**asked, "pause": {**asked["pause"], "until": soon.isoformat()}}))
    stage.advance(600)
    sweep(stage)


def zoned(task: dict[str, Any]) -> dict[str, Any]:
    """The task at six in Berlin, which no rule can say."""
    other = {key: value for key, value in task.items() if key not in ("cron", "rate", "schedule")}
    return {**other, "cron": "0 6 * * ? *", "timezone": "Europe/Berlin"}


def in_group(stage: Client, task: str) -> str:
    """The task's schedule, as the stage fires it."""
    return f"{stage.names['outputs']['ScheduleGroup']}/{PREFIX}{task}"


@contextmanager
def events_lost(stage: Client) -> Iterator[None]:
    """Step Functions' events, which AWS sends at best effort, are lost while the block runs."""
    events = stage.client("events")
    (rule,) = [each["Name"] for each in events.list_rules()["Rules"] if "Stopped" in each["Name"]]
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


def wait_for_all(stage: Client) -> None:
    """Wait until every execution has ended."""
    for execution in stage.executions():
        stage.wait(execution)


def runs_that_are_watched(stage: Client) -> None:
    """A job of another name's length, one that fails, one that is missed; and a live file that is gone for a while."""
    stage.deploy("v1")
    s3, bucket, key = stage.client("s3"), stage.names["bucket"], stage.names["schedule_key"]
    (version,) = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    file = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
    sweep(stage)
    stage.upload_schedule(file)
    stage.deploy("v2")
    sweep(stage)
    stage.settings(tasks="scripted", script={"fails": 1, "seconds": 60})
    revision = service(stage)["taskDefinition"]
    start = {"cluster": stage.names["cluster"], "taskDefinition": revision, "launchType": "FARGATE"}
    network = service(stage)["networkConfiguration"]
    # as EventBridge starts the target of an older version
    untraced = f"events-rule/{PREFIX}IngestData"[:36]
    stage.client("ecs").run_task(**start, startedBy=untraced, networkConfiguration=network)
    environment = [{"name": "ROTA_TASK", "value": "RemoveSpam"}]
    overrides = {"containerOverrides": [{"name": "app", "environment": environment}]}
    by_rule = f"events-rule/{PREFIX}RemoveSpam"[:36]
    stage.client("ecs").run_task(**start, startedBy=by_rule, overrides=overrides, networkConfiguration=network)
    stage.advance(120)
    wait_for(lambda: [run for run in runs(stage) if run["status"]["S"] == "failed"], 20)
    # until the next quarter's run of RemoveSpam is missed and reported
    for _ in range(4):
        stage.advance(600)
        sweep(stage)


def sweep(stage: Client) -> None:
    """Run Sweep now, and wait for its end."""
    functions = stage.client("lambda").list_functions()["Functions"]
    (name,) = [each["FunctionName"] for each in functions if "SweepFunction" in each["FunctionName"]]
    stage.client("lambda").invoke(FunctionName=name, Payload=b'{"id": "tick"}')


def runs(stage: Client) -> list[dict[str, Any]]:
    """The items of runs in the table."""
    items = stage.client("dynamodb").scan(TableName=stage.names["outputs"]["LedgerTableName"])["Items"]
    return [item for item in items if item["record"]["S"].startswith("run#")]


def migrated(stage: Client) -> None:
    """A migration and a smoke test, both of which die as they begin; jobs of rules and of Scheduler pause meanwhile."""
    stage.upload_schedule(_FILE)
    stage.deploy("v1")
    started = {"service": "ecs", "operation": "RunTask", "fault": "kill_after"}
    stage.faults([started | {"caller": "RunBefore"}, started | {"caller": "RunAfter"}])
    stage.upload_schedule(MIGRATING)
    stage.deploy("v2")


def migrations_that_fail(stage: Client) -> None:
    """So does a smoke test; and a migration is stopped that would run on."""
    fails = {"command": ["sh", "-c", "echo no; exit 1"]}
    stage.deploy("v1")
    stage.upload_schedule({**NEXT, "before": fails})
    stage.deploy("v2")
    stage.upload_schedule({**NEXT, "after": fails})
    stage.deploy("v3")
    stage.upload_schedule({**NEXT, "before": {"command": ["sleep", "50"]}})
    stage.faults([{"service": "ecs", "operation": "DescribeTasks", "caller": "RunBefore", "fault": "denied"}])
    stage.deploy("v4")


def left_migrating(stage: Client) -> None:
    """A deployment is aborted in its migration, and the event of that is lost: the next one stops it."""
    stage.deploy("v1")
    stage.upload_schedule({**NEXT, "before": {"command": ["sleep", "50"]}})
    stage.push("v2")
    ecs, cluster = stage.client("ecs"), stage.names["cluster"]
    wait_for(lambda: ecs.list_tasks(cluster=cluster, family=stage.names["family"])["taskArns"], 30)
    events, execution = stage.client("events"), stage.executions()[0]
    (restores,) = [
        each["Name"] for each in events.list_rules()["Rules"] if "aws.states" in each.get("EventPattern", "")
    ]
    events.disable_rule(Name=restores)
    stage.client("stepfunctions").stop_execution(executionArn=execution)
    wait_for(lambda: not stage.invocations(), 30)
    stage.advance(200)
    stage.upload_schedule({**NEXT, "before": {"command": ["true"]}})
    stage.deploy("v3")
    events.enable_rule(Name=restores)


def delete_artifacts(stage: Client) -> None:
    """Delete what deployments have stored, every version of it."""
    s3, bucket = stage.client("s3"), stage.names["bucket"]
    for each in s3.list_object_versions(Bucket=bucket, Prefix="deployments/")["Versions"]:
        s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])


def add_a_target(stage: Client, task: str) -> None:
    """Add a foreign target to a task's rule."""
    topic = stage.names["outputs"]["NotificationsTopicArn"]
    stage.client("events").put_targets(Rule=PREFIX + task, Targets=[{"Id": "to-people", "Arn": topic}])
    assert len(schedules(stage)[task]["Targets"]) == 2


EVERY_PERMISSION: tuple[Scenario, ...] = (
    first_deployment,
    spot,
    tags_that_are_not_listed_yet,
    no_schedule_file,
    killed_in_two_steps,
    replaced_by_infrastructure_code,
    left_behind,
    failed_while_baking,
    artifacts_that_are_gone,
    killed_in_every_attempt,
    finished_by_the_restore,
    nothing_to_do,
    runs_that_are_watched,
    rolled_back,
    held_until_sweep_deploys,
    approved,
    paused_while_the_file_changes,
    jobs_in_scheduler,
    schedules_are_restored,
    schedules_are_paused,
    migrated,
    migrations_that_fail,
    left_migrating,
)
"""The smallest set that needs every permission."""
ALL = (
    *EVERY_PERMISSION,
    removed_tasks,
    dry_run,
    stopped_by_a_person,
    overtaken_while_rolling,
    failed_targets,
)


def play(stage: Client, scenario: Scenario, time_scale: float = 0.01) -> list[dict[str, Any]]:
    """Play a scenario on a reset stage. Returns every permission that was checked."""
    stage.reset()
    stage.settings(time_scale=time_scale, rollout_seconds=0.1)
    scenario(stage)
    wait_for_all(stage)
    return stage.permissions()
