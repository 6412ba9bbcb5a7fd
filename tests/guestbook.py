"""The guestbook as the tests deploy it: its settings, its task definition, its image, its tasks."""

from typing import Any

from rota.contract.deployment import Image, Stored
from rota.ecs.service import ServiceState
from rota.ecs.task_definitions import Revision
from rota.plan.current_state import CurrentState
from rota.schedule_file.task import Task
from rota.settings import Settings

ACCOUNT = "123456789012"
REGION = "us-east-1"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role"

# What the template hands every function.
ENVIRONMENT = {
    "REPOSITORY": "guestbook",
    "CLUSTER": "production",
    "SERVICE": "guestbook-api",
    "FAMILY": "guestbook",
    "CONTAINER": "app",
    "START_COMMAND": "./bin/start",
    "API_COMMAND": "./bin/start",
    "API_PORT": "8000",
    "RULE_PREFIX": "production__guestbook__",
    "SUBNETS": "subnet-1,subnet-2",
    "SECURITY_GROUPS": "sg-1",
    "ASSIGN_PUBLIC_IP": "DISABLED",
    "PLATFORM_VERSION": "LATEST",
    "EVENTS_ROLE_ARN": f"{_ROLE}/events",
    "TASK_ROLE_ARNS": f"{_ROLE}/guestbook-task,{_ROLE}/guestbook-execution",
    "SCHEDULE_KEYS": "scheduled_tasks.json",
    "ROLLOUT_TIMEOUT_MINUTES": "30",
    "SCHEDULES_IN": "rules",
    "SCHEDULE_GROUP": "rota-ScheduleGroup-1A2B3C4D5E6F",
    "SCHEDULER_ROLE_ARN": f"{_ROLE}/scheduler",
    "RULE_QUOTA": "300",
    "REVISION_MODE": "per-task",
    "FORMER_EVENTS_ROLE_ARNS": "",
    "EVENTS_ROLE_ALLOWS": "",
    "TASK_NETWORKS": "stack",
    "SECRETS_ALLOWED": "",
    "HISTORY_DAYS": "365",
    "DEPLOY_WINDOW": "",
    "APPROVAL": "none",
    "APPROVAL_DAYS": "7",
    "WATCH_RUNS": "true",
    "TRACE_SCHEDULED_TIME": "false",
    "RUN_QUEUE_ARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:rota-RunQueue-1A2B3C4D5E6F",
    "RUN_ACTIONS": "none",
    "EXPLAIN_MISSED": "false",
    "RUN_HISTORY_DAYS": "90",
    "JOB_LOG_GROUPS": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/guestbook:*",
    "LOG_TAIL": "10",
    "NOTIFICATIONS_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:rota-NotificationsTopic-1A2B3C4D5E6F",
    "CHAT_TOPIC_ARN": "",
    "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:rota-deploy",
    "BUCKET": "guestbook-config",
    "TABLE": "guestbook-ledger",
}
SETTINGS = Settings.from_environment(ENVIRONMENT)
RUN_QUEUE = SETTINGS.run_queue_arn
UNWATCHED = SETTINGS.model_copy(update={"watch_runs": False})
TIMED = SETTINGS.model_copy(update={"trace_scheduled_time": True})
SHARED = SETTINGS.model_copy(update={"revision_mode": "shared"})
# With ApiCommand and ApiPort at their defaults.
AS_THE_BASE = SETTINGS.model_copy(update={"api_command": None, "api_port": None})
APP = "production/guestbook-api"
PREFIX = SETTINGS.rule_prefix

CLUSTER_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/production"
REPOSITORY_URI = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/guestbook"
DIGEST = "sha256:" + "1f" * 32
IMAGE = Image(repository="guestbook", digest=DIGEST, tag="5d0c6a1")
IMAGE_URI = f"{REPOSITORY_URI}@{DIGEST}"
SNAPSHOT = Stored(key="deployments/example/snapshot.json", version_id="v1")

APP_CONTAINER: dict[str, Any] = {
    "name": "app",
    "image": f"{REPOSITORY_URI}:initial",
    "essential": True,
    "cpu": 0,
    "command": ["./bin/start"],
    "portMappings": [{"name": "http", "containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}],
    "environment": [{"name": "LOG_LEVEL", "value": "info"}],
    "secrets": [{"name": "ADMIN_TOKEN", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:token"}],
    "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/guestbook"}},
    "versionConsistency": "enabled",
}
SIDECAR: dict[str, Any] = {
    "name": "metrics",
    "image": "public.ecr.aws/example/metrics:3",
    "essential": False,
    "memory": 128,
    "portMappings": [{"containerPort": 9000, "hostPort": 9000, "protocol": "tcp"}],
}
CONTENT: dict[str, Any] = {
    "family": "guestbook",
    "taskRoleArn": f"{_ROLE}/guestbook-task",
    "executionRoleArn": f"{_ROLE}/guestbook-execution",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [APP_CONTAINER, SIDECAR],
    "volumes": [{"name": "scratch", "host": {}}],
}


def arn(revision: int, family: str = "guestbook") -> str:
    """The ARN of a revision."""
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{family}:{revision}"


def definition(content: dict[str, Any] = CONTENT, *, revision: int = 1, tags: dict[str, str] | None = None) -> Revision:
    """An ACTIVE revision, as `rota.ecs.task_definitions.read_revision` answers it."""
    return Revision(arn=arn(revision), active=True, content=content, tags=tags or {})


def task(name: str = "IngestData", **keys: Any) -> Task:
    """A task of the schedule file; every morning at six unless `keys` say otherwise."""
    when = {} if keys.keys() & {"cron", "rate", "schedule", "at"} else {"cron": "0 6 * * ? *"}
    what = {} if "command" in keys else {"task": "data_ingestion_task"}
    return Task.model_validate({"name": name, **what, **when, **keys})


def service_state(task_definition: str = "", *, steady: bool = True) -> ServiceState:
    """What the service runs; the first revision unless `task_definition` says otherwise."""
    return ServiceState(task_definition=task_definition or arn(1), deployment_id="ecs-svc/1", steady=steady)


def current_state(*tasks: Task, **changes: Any) -> CurrentState:
    """What ReadConfig gathers before the first deployment of these tasks; `changes` are of its fields."""
    before_the_first = CurrentState(
        tasks=tasks,
        image_uri=IMAGE_URI,
        cluster_arn=CLUSTER_ARN,
        base=definition(),
        served=definition(),
        breaks_circuit=True,
        service=service_state(),
        schedules={},
        reusable={},
        unrecorded=(),
        newest_revision=1,
        registered=frozenset(),
        retry_policy_set_by_rota=None,
    )
    state = before_the_first.model_copy(update=changes)
    known = {*state.reusable.values(), *(each.arn for each in state.unrecorded)}
    return state.model_copy(update={"registered": frozenset(known)} | changes)
