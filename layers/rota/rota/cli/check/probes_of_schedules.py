"""The schedule file, the rules, and what a person changed of them by hand."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rota.aws.parallel import in_parallel
from rota.cli.check.facts import Facts
from rota.cli.check.model import Finding
from rota.cli.live_schedules import Schedules
from rota.cli.releases import deploy_live
from rota.ecs import secrets
from rota.errors import ConfigError
from rota.ownership import OWNER_TAG
from rota.schedule_file.s3 import each_image_has_its_own
from rota.schedule_file.task import Task

if TYPE_CHECKING:
    from rota.cli.stack import Stack


def schedule_file(facts: Facts) -> Iterator[Finding]:
    """The newest version of the first key that is there."""
    stack, keys, found = facts.stack, facts.schedule_keys, facts.newest_file
    if any("{" in key for key in keys):
        yield Finding("schedule file", "unknown", "its key depends on the image: rota plan --image TAG", "author")
        return
    if found is None:
        words = f"{' or '.join(keys)} is not in the bucket {stack.bucket}: upload it"
        yield Finding("schedule file", "fail", words, "author")
        return
    try:
        parsed = facts.parse(found.content)
    except ConfigError as wrong:
        lines = str(wrong).splitlines()
        yield Finding("schedule file", "fail", f"{found.key}: {lines[0]} {'; '.join(lines[1:])}", "author")
        return
    if refused := [*refused_actions(parsed, stack), *refused_keys(parsed, stack)]:
        yield from (Finding("schedule file", "fail", f"{found.key}: {words}") for words in refused)
        return
    live = facts.status.release
    news = " and it is not deployed yet" if live and live.schedule_version != found.version else ""
    yield Finding("schedule file", "ok", f"{found.key} has {len(parsed)} tasks{news}")


def refused_actions(tasks: Iterable[Task], stack: "Stack") -> Iterator[str]:
    """The keys that have Rota stop or start runs, where the stack's parameters do not let it. Pure."""
    given = stack.parameters.get("RunActions", "none") if stack.watches_runs else "none"
    for task in tasks:
        for key, action in task.actions.items():
            if given not in (action, "both"):
                words = f"{task.name} has {key}, and the parameters let Rota {action} no runs: deployments are refused"
                yield f"{words}; set WatchRuns to true and RunActions to {action} or both, or leave it out"


def refused_keys(tasks: Iterable[Task], stack: "Stack") -> Iterator[str]:
    """The keys that the stack's parameters do not allow. Pure."""
    cluster = f"{stack.place('ecs')}:cluster/{stack.cluster}"
    for task in tasks:
        refused = [key for key, right in task.rights.items() if right not in stack.listed("EventsRoleAllows")]
        refused += task.network if stack.parameters.get("TaskNetworks", "stack") == "stack" else ()
        named = secrets.arns_of(task, cluster).values()
        if not all(secrets.is_allowed(each, stack.listed("SecretsAllowed")) for each in named):
            refused.append("secrets")
        refused += ["role"] if task.role and task.role not in stack.listed("TaskRoleArns") else []
        for key in refused:
            words = f"{task.name} has {key}, which the parameter {task.parameters[key]} does not allow"
            yield f"{words}: deployments are refused; change that, or leave it out"


def uploads(facts: Facts) -> Iterator[Finding]:
    """Whether a schedule file that is uploaded is deployed; nothing where that is not asked for."""
    if facts.stack.parameters.get("DeployOnScheduleChange") != "true":
        return
    bucket = facts.stack.bucket
    if each_image_has_its_own(tuple(facts.schedule_keys)):
        words = "DeployOnScheduleChange does nothing, as a key of ScheduleKeys has {tag} or {digest}: take either out"
        yield Finding("uploads", "fail", words)
    elif "EventBridgeConfiguration" in facts.client("s3").get_bucket_notification_configuration(Bucket=bucket):
        yield Finding("uploads", "ok", "a schedule file that is uploaded is deployed two minutes later")
    else:
        words = "no uploaded schedule file is deployed, as the bucket sends no events to EventBridge"
        yield Finding("uploads", "fail", f"{words}: {notify_eventbridge(bucket)}")


def notify_eventbridge(bucket: str) -> str:
    """The command that has a bucket send its events. It replaces other notifications; Rota's bucket has none."""
    notified = """'{"EventBridgeConfiguration": {}}'"""
    return f"aws s3api put-bucket-notification-configuration --bucket {bucket} --notification-configuration {notified}"


def rule_quota(facts: Facts) -> Iterator[Finding]:
    quota = int(facts.stack.parameters.get("RuleQuota", "300"))
    pages = facts.client("events").get_paginator("list_rules").paginate()
    rules = sum(len(page["Rules"]) for page in pages)
    left = quota - rules
    words = f"{rules} of {quota} on the default bus"
    yield Finding("rule quota", "ok" if left > 0 else "fail", words if left > 0 else f"{words}: raise the quota")


def drift(facts: Facts) -> Iterator[Finding]:
    """Rules that a person changed by hand: the next deployment that has something to do puts them right."""
    found = [(task.task, words) for task in facts.status.tasks for words in task.drift]
    for task, words in found:
        yield Finding("schedules", "fail", f"{task}: {words}; {_again(facts)} puts it right")
    if not facts.status.compared:
        words = "not compared: runs are not watched, something deploys, or Sweep has yet to read the live schedule file"
        yield Finding("schedules", "unknown", words)
    elif not found and facts.status.tasks:
        yield Finding("schedules", "ok", f"{len(facts.status.tasks)} as the live schedule file has them")


def targets(facts: Facts) -> Iterator[Finding]:
    """That each schedule is the app's own and starts one task with an ACTIVE revision of the live image."""
    ecs, of_app = facts.client("ecs"), Schedules(facts.account, facts.stack)
    if facts.status.deploying or not (listed := of_app.listed()):
        return
    found = _each(lambda task: of_app.whole(listed[task]), sorted(listed))
    revisions = sorted({_revision(target) for each in found.values() for target in each["targets"]} - {""})
    described = _each(lambda arn: ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"], revisions)
    problems = [f"{task} {words}" for task, schedule in found.items() for words in _wrong(facts, schedule, described)]
    for words in problems:
        yield Finding("targets", "fail", words)
    if not problems:
        yield Finding("targets", "ok", f"{len(found)} schedules start one task each, with the live image")


def _each(asked: Callable[[str], Any], names: Sequence[str]) -> dict[str, Any]:
    """What AWS answers of each name, asked side by side."""
    return dict(zip(names, in_parallel(asked, names), strict=True))


def _wrong(facts: Facts, schedule: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[str]:
    listed = schedule["targets"]
    if (owner := schedule["tags"].get(OWNER_TAG)) != facts.stack.app:
        whose = f"is {owner}'s by its tag {OWNER_TAG}" if owner else f"has no tag {OWNER_TAG}"
        yield f"has a rule that {whose}: no deployment of {facts.stack.app} changes it"
        return
    if len(listed) != 1:
        yield f"has {len(listed)} targets: {_again(facts)} puts it right"
        return
    definition = described.get(_revision(listed[0]), {})
    name = f"{definition.get('family')}:{definition.get('revision')}"
    if not definition:
        yield f"has a target that starts no task: {_again(facts)} puts it right"
    elif definition["status"] != "ACTIVE":
        yield f"starts {name}, which is {definition['status']}: no run would start"
    elif (live := facts.status.release) and not any(
        each["image"].endswith(live.digest) for each in definition["containerDefinitions"]
    ):
        yield f"starts {name}, which does not have the live image"


def _again(facts: Facts) -> str:
    live = facts.status.release
    return deploy_live(live.digest) if live else "the first deployment"


def _revision(target: Mapping[str, Any]) -> str:
    return str(target.get("EcsParameters", {}).get("TaskDefinitionArn", ""))
