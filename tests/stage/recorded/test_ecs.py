"""ECS's and ECR's answers and events."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stage.ecr.manifest import manifest
from stage.validation.documented import DocumentedRules
from stage.validation.requests import Validation
from tests.in_process import client as aws
from tests.stage.recorded import normalise
from tests.stage.recorded.calls import Question, call, members
from tests.stage.recorded.rows import Row, compare, each
from tests.stage.small_stage import SmallStage, small_stage


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallStage]:
    with small_stage(tmp_path_factory.mktemp("app"), Validation(), DocumentedRules()) as small:
        small.service(small.register(), desired=1)
        yield small


@pytest.mark.exhaustive(every=2)
@each("ecs")
def test_ecs_and_ecr_answer_as_recorded(row: Row, small: SmallStage) -> None:
    compare(row, QUESTIONS[row.asked["question"]](row, small))


def _call(row: Row, small: SmallStage) -> Any:
    """A call; `<inactive>` is a revision that was deregistered."""
    text = json.dumps(row.asked["request"]).replace("<app>", small.name)
    if "<inactive>" in text:
        inactive = small.register("inactive")
        aws("ecs").deregister_task_definition(taskDefinition=inactive)
        text = text.replace("<inactive>", inactive)
    return call(aws(row.asked.get("service", "ecs")), row.asked["call"], json.loads(text), app=small.name)


def _service(row: Row, small: SmallStage) -> Any:
    """The members of a service that does not roll, or of a part of it."""
    assert small.background.wait_until_steady()
    [found] = aws("ecs").describe_services(cluster=small.name, services=[small.name], include=["TAGS"])["services"]
    for step in row.asked.get("of", []):
        found = found[step]
    return members(row, found) if isinstance(found, dict) else normalise.value(found)


def _updated(row: Row, small: SmallStage) -> Any:
    """Members of UpdateService's answer: of the new deployment, the one before, and the service."""
    assert small.background.wait_until_steady()
    small.settings.change({"rollout_seconds": 60})
    revision = small.register("updated")
    answered = small.update(taskDefinition=revision)
    small.settings.change({"rollout_seconds": 0.02})
    small.update(forceNewDeployment=True)
    new, old = ({name: part.get(name) for name in row.asked["members"]} for part in answered["deployments"])
    whole = {
        "runs the new revision": answered["taskDefinition"] == revision,
        "running": answered["runningCount"],
        "desired": answered["desiredCount"],
    }
    answer = {"new": new, "old": old, "service": whole}[row.asked["of"]]
    return normalise.value(answer)


def _messages(row: Row, small: SmallStage) -> Any:
    """The service's messages during a rollout or a rollback that begin with these words, the newest first."""
    _roll(row, small)
    messages = [normalise.text(event["message"], app=small.name) for event in small.described()["events"]]
    return [message for message in messages if any(words in message for words in row.asked["words"])][
        : row.asked["count"]
    ]


def _roll(row: Row, small: SmallStage) -> None:
    assert small.background.wait_until_steady()
    small.settings.change({"rollout": row.asked.get("rollout", "completes")})
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    small.update(taskDefinition=small.register("rolled"), deploymentConfiguration=breaker)
    assert small.background.wait_until_steady()
    small.settings.change({"rollout": "completes"})


def _while_it_rolls_back(row: Row, small: SmallStage) -> Any:
    """Status, state and words of the deployments, as soon as one has failed."""
    assert small.background.wait_until_steady()
    small.settings.change({"rollout": "fails", "rollout_seconds": 0.05})
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    seen: list[Any] = []

    def failed() -> bool:
        deployments = small.described()["deployments"]
        if not seen and any(each["rolloutState"] == "FAILED" for each in deployments):
            seen.extend(deployments)
        return bool(seen)

    small.update(taskDefinition=small.register("fails"), deploymentConfiguration=breaker)
    assert small.background.timer.wait_for(failed, 5)
    small.settings.change({"rollout": "completes", "rollout_seconds": 0.02})
    rollouts = [[each["status"], each["rolloutState"], each["rolloutStateReason"]] for each in seen]
    return normalise.value([each for each in rollouts if each[1] != "COMPLETED"])


def _deployment_event(row: Row, small: SmallStage) -> Any:
    """The event of a rollout's end."""
    assert small.background.wait_until_steady()
    heard = small.listen(
        {
            "source": ["aws.ecs"],
            "detail": {"eventName": ["SERVICE_DEPLOYMENT_COMPLETED"], "deploymentId": [{"exists": True}]},
        }
    )
    _roll(row, small)
    [event] = heard()
    detail = normalise.value(event["detail"])
    return {"members": sorted(detail), "resources": len(event["resources"]), **detail}


def _revision(row: Row, small: SmallStage) -> Any:
    """A revision that is registered with these members, as one of the calls shows it."""
    given = {
        "family": small.name,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": [
            {"name": "app", "image": "nginx", "essential": True, **row.asked.get("container", {})}
        ],
        **row.asked.get("definition", {}),
    }
    given = {member: value for member, value in given.items() if value is not None}
    registered = aws("ecs").register_task_definition(**given)
    found = registered["taskDefinition"]
    if row.asked["call"] == "DeleteTaskDefinitions":
        name = found["taskDefinitionArn"]
        aws("ecs").deregister_task_definition(taskDefinition=name)
        deleted = aws("ecs").delete_task_definitions(taskDefinitions=[name])
        [found] = deleted["taskDefinitions"]
        return {"status": found["status"], "failures": deleted["failures"], "deregisteredAt": "deregisteredAt" in found}
    if row.asked["call"] == "DescribeTaskDefinition":
        described = aws("ecs").describe_task_definition(taskDefinition=found["taskDefinitionArn"], include=["TAGS"])
        found = {
            **described["taskDefinition"],
            **({"tags": described["tags"]} if row.asked.get("of") == ["tags"] else {}),
        }
    for step in row.asked.get("of", []):
        found = found[step]
    return members(row, found) if row.asked.get("members") else found


def _task(row: Row, small: SmallStage) -> Any:
    """A task as RunTask returns it; chosen members of it."""
    ran = aws("ecs").run_task(
        cluster=small.name,
        taskDefinition=small.register("hello"),
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": small.network},
    )
    [task] = ran["tasks"]
    [container, *_] = task["containers"]
    [attachment] = task["attachments"]
    shown: dict[str, Callable[[], Any]] = {
        "members": lambda: members(row, task),
        "container": lambda: members(row, container),
        "attachment": lambda: {
            "type": attachment["type"],
            "status": attachment["status"],
            "details": [each["name"] for each in attachment["details"]],
        },
        "states": lambda: {
            **{name: task[name] for name in ("lastStatus", "desiredStatus", "version")},
            "container": container["lastStatus"],
            "group": task["group"].replace(small.name, "<app>"),
            "failures": ran["failures"],
        },
    }
    return shown[row.asked["of"]]()


def _ended(row: Row, small: SmallStage) -> Any:
    """The event of the end of a task that a rule has started."""
    heard = small.listen(
        {
            "source": ["aws.ecs"],
            "detail": {
                "clusterArn": [small.cluster],
                "lastStatus": ["STOPPED"],
                "startedBy": [{"prefix": "events-rule/"}],
            },
        }
    )
    small.fire("hello", **({"image": f"{small.image}:missing"} if row.asked.get("image") == "missing" else {}))
    [event] = heard()
    detail = event["detail"]
    container = next(each for each in detail["containers"] if each["name"] == "app")
    if row.asked["of"] == "container":
        return members(row, container)
    if row.asked["of"] == "members":
        return members(row, detail)
    chosen = {name: detail.get(name) for name in row.asked["of"]}
    if "stoppedReason" in chosen and row.asked.get("first_words"):
        chosen["stoppedReason"] = chosen["stoppedReason"].partition(":")[0]
    return {**chosen, "exitCode": "exitCode" in container} if row.asked.get("first_words") else chosen


def _deleted_service(row: Row, small: SmallStage) -> Any:
    aws("ecs").create_service(
        cluster=small.name,
        serviceName="deleted",
        taskDefinition=small.register(),
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": small.network},
    )
    return aws("ecs").delete_service(cluster=small.name, service="deleted", force=True)["service"]["status"]


def _too_long(row: Row, small: SmallStage) -> Any:
    """The words for a task definition of more than 64 KiB."""
    environment = [{"name": "LONG", "value": "x" * 70_000}]
    with pytest.raises(ClientError) as refused:
        small.register(environment=environment)
    return normalise.text(refused.value.response["Error"]["Message"]).replace("65536", "<most>").translate(NO_DIGITS)


NO_DIGITS = {ord(digit): None for digit in "0123456789"}


def _push(row: Row, small: SmallStage) -> Any:
    """The event of a push with this tag; or whether a pattern of the detail matches it."""
    heard = small.listen(
        {"source": ["aws.ecr"], "detail": {"repository-name": [small.name], **row.asked.get("pattern", {})}}
    )
    small.push(row.asked.get("tag"), row.case)
    events = heard()
    if "pattern" in row.asked:
        return bool(events)
    [event] = events
    detail = event["detail"]
    shown = ("image-tag", "manifest-media-type", "artifact-media-type")
    return {
        "envelope": sorted(event),
        "resources": event["resources"],
        "detail": sorted(detail),
        **{name: detail.get(name) for name in shown},
    }


def _pushed_again(row: Row, small: SmallStage) -> Any:
    """A second push: of the same image under the same tag, or of another one under an immutable tag."""
    name = f"{small.name}-again"
    if name not in [each["repositoryName"] for each in aws("ecr").describe_repositories()["repositories"]]:
        aws("ecr").create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    answers = []
    for content in row.asked["contents"]:
        image = manifest(content)
        answers.append(
            call(
                aws("ecr"),
                "PutImage",
                {"repositoryName": name, "imageManifest": image, "imageTag": row.asked["tag"]},
                app=name,
            )
        )
    return answers[-1]


def _described(row: Row, small: SmallStage) -> Any:
    """The members of an image or a repository; or one of them."""
    request = (
        {"repositoryName": small.name} if row.asked["call"] == "DescribeImages" else {"repositoryNames": [small.name]}
    )
    entry = call(aws("ecr"), row.asked["call"], request, app=small.name)[row.asked["list"]][0]
    return entry[row.asked["member"]] if "member" in row.asked else members(row, entry)


QUESTIONS: dict[str, Question] = {
    "call": _call,
    "service": _service,
    "updated": _updated,
    "messages": _messages,
    "while it rolls back": _while_it_rolls_back,
    "deployment event": _deployment_event,
    "revision": _revision,
    "task": _task,
    "ended": _ended,
    "deleted service": _deleted_service,
    "too long": _too_long,
    "push": _push,
    "pushed again": _pushed_again,
    "described": _described,
}
