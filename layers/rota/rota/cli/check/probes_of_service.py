"""The service, what it runs, and the deployments."""

from collections.abc import Iterator
from datetime import datetime

from rota.cli.check.facts import Facts
from rota.cli.check.model import Finding
from rota.deployment.window import closed_at
from rota.errors import RejectedError
from rota.times import minute

_MANY_REVISIONS = 800_000
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
_MOST_REVISIONS = 1_000_000


def service(facts: Facts) -> Iterator[Finding]:
    stack, described = facts.stack, facts.described
    if described is None:
        words = f"there is no ACTIVE service {stack.service} on the cluster {stack.cluster}: create it"
        yield Finding("service", "fail", words)
        return
    controller = described.get("deploymentController", {}).get("type", "ECS")
    if controller == "ECS":
        yield Finding("service", "ok", f"{stack.service} is ACTIVE, rolled by ECS itself")
    else:
        yield Finding("service", "fail", f"{stack.service} is deployed by {controller}: give it the controller ECS")
    family = described.get("taskDefinition", "").rpartition("/")[2].rpartition(":")[0]
    if family and family != stack.family:
        words = f"the service runs the family {family}, the parameter TaskDefinitionFamily says {stack.family}"
        yield Finding("service", "fail", words)
    breaker = described.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
    if breaker.get("enable"):
        yield Finding("circuit breaker", "ok", "is on: a broken image fails within minutes")
    else:
        minutes = stack.parameters.get("RolloutTimeoutMinutes", "30")
        yield Finding(
            "circuit breaker", "fail", f"is off: a broken image takes {minutes} minutes to fail; switch it on"
        )


def tasks(facts: Facts) -> Iterator[Finding]:
    running = facts.status.service
    if running is None:
        return
    words = f"{running.running} of {running.desired} run"
    steady = running.running == running.desired or facts.status.deploying is not None
    yield Finding("tasks run", "ok" if steady else "fail", words if steady else f"{words}: read the service's events")


def deployments(facts: Facts) -> Iterator[Finding]:
    status = facts.status
    if status.deploying and status.deploying.half_done:
        name = status.deploying.execution.rpartition(":")[2]
        yield Finding("deployments", "fail", f"{name} could not be restored: rota restore {name}")
    elif status.last_deployment and status.last_deployment.outcome == "failed":
        yield Finding("deployments", "fail", "the last one failed, and everything is as before: rota explain")
    elif status.release is None:
        yield Finding("deployments", "ok", "there was none yet")
    else:
        yield Finding("deployments", "ok", "the last one succeeded" if not status.deploying else "one is under way")


def deploy_window(facts: Facts) -> Iterator[Finding]:
    yield from findings_on_window(facts.stack.parameters.get("DeployWindow", ""), facts.account.now())


def findings_on_window(text: str, now: datetime) -> Iterator[Finding]:
    """Whether the deployment window can be read, and is open; nothing without one. Pure."""
    if not text:
        return
    try:
        closed = closed_at(text, now)
    except RejectedError as wrong:
        yield Finding("deployment window", "fail", f"each push fails: {wrong}; correct it: make deploy")
    else:
        yield Finding(
            "deployment window",
            "ok",
            f"{text} is open" if closed is None else f"{closed.window} opens {minute(closed.opens)}",
        )


def revision(facts: Facts) -> Iterator[Finding]:
    if facts.definition is None:
        return
    name = f"{facts.definition['family']}:{facts.definition['revision']}"
    wanted = facts.stack.container
    if facts.container is None:
        has = ", ".join(each["name"] for each in facts.containers)
        yield Finding("revision", "fail", f"{name} has no container {wanted} (it has {has}): correct ContainerName")
    elif facts.definition["status"] != "ACTIVE":
        words = f"{name} is {facts.definition['status']}, and the service runs it: it cannot start another task"
        yield Finding("revision", "fail", words)
    else:
        yield Finding("revision", "ok", f"{name} is ACTIVE, and has the container {wanted}")
    given = {facts.definition[key] for key in ("taskRoleArn", "executionRoleArn") if facts.definition.get(key)}
    for role in sorted(given - set(facts.roles())):
        words = f"{name} names {role}, which the parameter TaskRoleArns lacks: deployments would be refused"
        yield Finding("revision", "fail", words)


def family(facts: Facts) -> Iterator[Finding]:
    if facts.definition is None:
        return
    number = facts.definition["revision"]
    if number >= _MANY_REVISIONS:
        words = f"has {number:,} of {_MOST_REVISIONS:,} revisions: move to another family, or to RevisionMode shared"
        yield Finding("family", "fail", f"{facts.stack.family} {words}")
