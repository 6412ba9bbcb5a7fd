"""Generated schedule files: a valid one deploys and reads back the same, an invalid one writes nothing."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rota.aws import rate_limit
from rota.errors import ConfigError
from tests.guestbook import DIGEST
from tests.steps.deployments import NEXT, Deployments
from tests.steps.world import World
from tests.unit.test_schedule_file_properties import documents, optional

# One world serves all examples: each begins where the one before it has ended.
one_world = settings(
    max_examples=settings().max_examples // 10, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

what = st.sampled_from([{"task": "spam_task"}, {"task": "digest_task"}, {"command": ["./bin/report", "--all"]}])
when = st.sampled_from(
    [
        *({"cron": "0 6 * * ? *"}, {"cron": "0/5 8-17 ? * MON-FRI *"}, {"rate": "5 minutes"}, {"rate": "1 day"}),
        *({"schedule": "cron(0 12 L * ? *)"}, {"schedule": "rate(2 hours)"}),
    ]
)
sizes = st.sampled_from([{}, {"cpu": 512, "memory": 1024}, {"memory": 2048}])
rest = optional(
    enabled=st.booleans(),
    description=st.sampled_from(["", "Mailed on Mondays", 'with "quotes" and ü']),
    environment=st.dictionaries(st.sampled_from(["LOG_LEVEL", "B_1"]), st.sampled_from(["", "debug", "ü\n"])),
    count=st.integers(1, 10),
    retry=st.fixed_dictionaries({"attempts": st.integers(0, 185), "age": st.integers(60, 86_400)}),
    platform_version=st.sampled_from(["LATEST", "1.4.0"]),
)
named: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda name, *parts: {"name": name} | {key: value for part in parts for key, value in part.items()},
    st.sampled_from("ABCDE"),
    what,
    when,
    sizes,
    rest,
)
files = st.lists(named, max_size=4, unique_by=lambda task: task["name"])


@pytest.mark.exhaustive(first=0)
@pytest.mark.usefixtures("changing")
@one_world
@given(files, st.sampled_from([DIGEST, NEXT]))
def test_a_valid_file_reads_back_the_same(
    world: World, deployments: Deployments, tasks: list[dict[str, Any]], digest: str
) -> None:
    rate_limit.bucket_for.cache_clear()
    world.upload({"tasks": tasks})
    assert deployments.start(digest).run() in ("Deployed", "NothingToDo")
    assert world.owned_rules().keys() == {task["name"] for task in tasks}
    for task in tasks:
        assert deployed(world, task["name"], digest) == {
            "schedule": task.get("schedule")
            or (f"cron({task['cron']})" if "cron" in task else f"rate({task['rate']})"),
            "state": "ENABLED" if task.get("enabled", True) else "DISABLED",
            "description": task.get("description", ""),
            "count": task.get("count", 1),
            "retry": task.get("retry") or {"attempts": 185, "age": fitting_age(task)},
            "platform": task.get("platform_version", "LATEST"),
            "command": task.get("command") or ["./bin/start", task["task"]],
            "environment": {"LOG_LEVEL": "info"} | task.get("environment", {}),
            "size": (str(task.get("cpu", 256)), str(task.get("memory", 512))),
        }
    world.calls.made.clear()
    assert deployments.start(digest).run() == "NothingToDo"
    assert world.calls.writes() == ["events.PutEvents"]


def fitting_age(task: dict[str, Any]) -> int:
    return {"5 minutes": 300, "0/5 8-17 ? * MON-FRI *": 300, "rate(2 hours)": 3600}.get(
        task.get("rate") or task.get("cron") or task["schedule"], 21_600
    )


def deployed(world: World, name: str, digest: str) -> dict[str, Any]:
    """A task as AWS has it, in the schedule file's terms."""
    rule, target = world.owned_rules()[name], world.target(name)
    ecs, retry = target["EcsParameters"], target.get("RetryPolicy")
    definition = world.task_definition(int(ecs["TaskDefinitionArn"].rpartition(":")[2]))
    app = next(each for each in definition.container_definitions if each["name"] == "app")
    assert app["image"].endswith(f"@{digest}")
    return {
        "schedule": rule["ScheduleExpression"],
        "state": rule["State"],
        "description": rule.get("Description") or "",
        "count": ecs["TaskCount"],
        "retry": retry and {"attempts": retry["MaximumRetryAttempts"], "age": retry["MaximumEventAgeInSeconds"]},
        "platform": ecs["PlatformVersion"],
        "command": app["command"],
        "environment": {each["name"]: each["value"] for each in app["environment"]},
        "size": (definition.cpu, definition.memory),
    }


@pytest.mark.exhaustive(first=0)
@settings(one_world, max_examples=settings().max_examples // 4)
@given(st.binary(max_size=60) | documents.map(lambda document: json.dumps(document).encode()))
def test_an_invalid_file_writes_nothing(world: World, deployments: Deployments, raw: bytes) -> None:
    world.upload(raw)
    with pytest.raises(ConfigError):
        deployments.start().until("PlanDeployment")
    assert world.calls.writes() == []
