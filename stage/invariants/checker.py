"""Checks invariants after every single AWS call: watched rules are complete, and foreign resources are unchanged.

`PUT /_stage/watch` gives the order, `GET /_stage/watch` shows the violations. One that the next call repairs is
reported like one that lasts.
"""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from moto.events.models import Rule, events_backends
from pydantic import BaseModel, ConfigDict, ValidationError

from stage.ecs.api import backend as ecs
from stage.eventbridge.bus import rules
from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION
from stage.scheduler.schedules import members, schedules


class OrderError(ValueError):
    """The order is not valid; the message says why."""


class Order(BaseModel):
    """What is to be watched."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rules: dict[str, str]
    """By name, each rule that must exist at every instant, and its state: ENABLED or DISABLED. It must have exactly one
    target, and that must run an ACTIVE revision."""
    jobs: dict[str, list[str]] = {}
    """By name, the rule and the schedules `group/name` of which one must be on at every instant and run an ACTIVE
    revision."""
    app: str | None = None
    """The app whose rules and revisions may change, by the owner tag's value; without it, those of all apps."""


class Invariants:
    """A hook that changes no reply. `owner_tag` is the tag that names a resource's app; without it, none is foreign."""

    def __init__(self, owner_tag: str) -> None:
        self._owner_tag = owner_tag
        self._lock = threading.Lock()
        self._watch: _Watch | None = None

    def begin(self, order: Any) -> None:
        """Watch this from now on, as JSON has it, and forget earlier violations. Raises OrderError."""
        try:
            read = Order.model_validate(order)
        except ValidationError as invalid:
            raise OrderError(str(invalid)) from invalid
        with self._lock:
            self._watch = _Watch(read, self._owner_tag)

    def end(self) -> None:
        """Watch nothing any more."""
        with self._lock:
            self._watch = None

    def show(self) -> dict[str, Any]:
        """The number of checks, and every violation with the call after which it was first seen."""
        with self._lock:
            if self._watch is None:
                return {"checks": 0, "violations": []}
            return {"checks": self._watch.checks, "violations": list(self._watch.violations)}

    def before(self, call: Call) -> None:
        """Let every call pass."""

    def after(self, call: Call, reply: Reply) -> None:
        """Check everything once."""
        with self._lock:
            if self._watch is not None:
                self._watch.check(call, reply)


class _Watch:
    """One order, and what was seen since."""

    def __init__(self, order: Order, owner_tag: str) -> None:
        self.checks = 0
        self.violations: list[dict[str, Any]] = []
        self._order = order
        self._owner_tag = owner_tag
        self._foreign_before = self._foreign()
        self._wrong: set[str] = set()

    def check(self, call: Call, reply: Reply) -> None:
        """Note what is wrong now and was not after the call before."""
        self.checks += 1
        wrong = {*_incomplete_rules(self._order), *_stopped(self._order), *_inactive_services(), *self._changed()}
        made = {"service": call.service, "operation": call.operation, "caller": call.caller, "error": reply.error}
        self.violations += [{"call": made, "problem": problem} for problem in sorted(wrong - self._wrong)]
        self._wrong = wrong

    def _changed(self) -> Iterator[str]:
        now = self._foreign()
        for name, before in self._foreign_before.items():
            if now.get(name) != before:
                yield f"{name} is foreign and was changed: {before} became {now.get(name, 'nothing')}"

    def _foreign(self) -> dict[str, str]:
        """By name, everything that is not the app's: rules and their targets, and the status of revisions."""
        if not self._owner_tag:
            return {}
        tagger = events_backends[ACCOUNT][REGION].tagger
        found = {}
        for name, rule in list(rules().items()):
            tags = tagger.get_tag_dict_for_resource(rule.arn)
            if self._is_foreign(tags):
                found[f"the rule {name}"] = f"{_content(rule)} {tags}"
        for revisions in list(ecs().task_definitions.values()):
            for definition in list(revisions.values()):
                if self._is_foreign({tag["key"]: tag["value"] for tag in definition.tags or []}):
                    found[f"the revision {definition.arn}"] = str(definition.status)
        return found

    def _is_foreign(self, tags: Mapping[str, str]) -> bool:
        owner = tags.get(self._owner_tag)
        return owner is None or (self._order.app is not None and owner != self._order.app)


def _incomplete_rules(order: Order) -> Iterator[str]:
    for name, state in order.rules.items():
        rule = rules().get(name)
        if rule is None:
            yield f"the rule {name} is gone"
            continue
        if rule.state != state:
            yield f"the rule {name} is {rule.state}, it must be {state}"
        targets = list(rule.targets)
        if len(targets) != 1:
            yield f"the rule {name} has {len(targets)} targets"
        for target in targets:
            revision = _revision(target)
            if (status := _status(revision)) != "ACTIVE":
                yield f"the rule {name} runs {revision or 'no revision'}, which is {status}"


def _stopped(order: Order) -> Iterator[str]:
    for job, names in order.jobs.items():
        if not any(_runs(name) for name in names):
            yield f"the job {job} has no schedule that is on and runs an ACTIVE revision"


def _runs(name: str) -> bool:
    """Whether the rule, or the schedule `group/name`, is on and all that it runs is ACTIVE."""
    if scheduled := schedules().get(name):
        known = members(scheduled)
        return bool(known["State"] == "ENABLED") and _status(_revision(known["Target"])) == "ACTIVE"
    rule = rules().get(name)
    targets = list(rule.targets) if rule and rule.state == "ENABLED" else []
    return bool(targets) and all(_status(_revision(target)) == "ACTIVE" for target in targets)


def _revision(target: Mapping[str, Any]) -> str:
    return str(target.get("EcsParameters", {}).get("TaskDefinitionArn", ""))


def _inactive_services() -> Iterator[str]:
    for service in list(ecs().services.values()):
        if service.status == "ACTIVE" and (status := _status(str(service.task_definition))) != "ACTIVE":
            yield f"the service {service.name} runs {service.task_definition}, which is {status}"


def _status(revision: str) -> str:
    family, _, number = revision.rpartition("/")[2].partition(":")
    definition = ecs().task_definitions.get(family, {}).get(int(number or 0))
    return str(definition.status) if definition else "missing"


def _content(rule: Rule) -> str:
    return str([rule.scheduled_expression, rule.event_pattern.dump(), rule.state, rule.description, rule.targets])
