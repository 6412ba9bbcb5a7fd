"""A watchman: after every single AWS call it looks whether schedules stand and what belongs to others is untouched.

`PUT /_stage/watch` says which rules must stand from now on, `GET /_stage/watch` tells what was seen. A gap that the
next call closes is seen like one that stays.
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

OWNER_TAG = "rota:app"
"""Its value says whose a rule or a revision is: `cluster/service`."""


class WatchError(ValueError):
    """An order that cannot be followed; the message says why."""


class Order(BaseModel):
    """What is to be watched."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rules: dict[str, str]
    """By name, each rule that must stand at every instant, and the state that it must have: ENABLED or DISABLED. It
    must have exactly one target, and that must run an ACTIVE revision."""
    app: str | None = None
    """Whose rules and revisions may be touched, by the tag's value; without it, those of all apps."""


class Watch:
    """A hook that sees every reply and changes none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: _Seen | None = None

    def begin(self, order: Any) -> None:
        """Forget what was seen, and watch this, as JSON has it. Raises WatchError."""
        try:
            read = Order.model_validate(order)
        except ValidationError as invalid:
            raise WatchError(str(invalid)) from invalid
        with self._lock:
            self._seen = _Seen(read)

    def end(self) -> None:
        """Watch nothing any more."""
        with self._lock:
            self._seen = None

    def show(self) -> dict[str, Any]:
        """How often was looked, and every violation with the call after which it was first seen."""
        with self._lock:
            if self._seen is None:
                return {"checks": 0, "violations": []}
            return {"checks": self._seen.checks, "violations": list(self._seen.violations)}

    def before(self, call: Call) -> None:
        """Let every call pass."""

    def after(self, call: Call, reply: Reply) -> None:
        """Look at everything once."""
        with self._lock:
            if self._seen is not None:
                self._seen.look(call, reply)


class _Seen:
    """What was seen since an order was given."""

    def __init__(self, order: Order) -> None:
        self.checks = 0
        self.violations: list[dict[str, Any]] = []
        self._order = order
        self._foreign = _foreign(order.app)
        self._wrong: set[str] = set()

    def look(self, call: Call, reply: Reply) -> None:
        """Note what is wrong now and was not after the call before."""
        self.checks += 1
        wrong = {*_gaps(self._order), *_inactive_services(), *self._touched()}
        told = {"service": call.service, "operation": call.operation, "caller": call.caller, "error": reply.error}
        self.violations += [{"call": told, "problem": problem} for problem in sorted(wrong - self._wrong)]
        self._wrong = wrong

    def _touched(self) -> Iterator[str]:
        now = _foreign(self._order.app)
        for name, before in self._foreign.items():
            if now.get(name) != before:
                yield f"{name} is not ours and was touched: {before} became {now.get(name, 'nothing')}"


def _gaps(order: Order) -> Iterator[str]:
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
            revision = target.get("EcsParameters", {}).get("TaskDefinitionArn", "")
            if (status := _status(revision)) != "ACTIVE":
                yield f"the rule {name} runs {revision or 'no revision'}, which is {status}"


def _inactive_services() -> Iterator[str]:
    for service in list(ecs().services.values()):
        if service.status == "ACTIVE" and (status := _status(str(service.task_definition))) != "ACTIVE":
            yield f"the service {service.name} runs {service.task_definition}, which is {status}"


def _status(revision: str) -> str:
    family, _, number = revision.rpartition("/")[2].partition(":")
    definition = ecs().task_definitions.get(family, {}).get(int(number or 0))
    return str(definition.status) if definition else "missing"


def _foreign(app: str | None) -> dict[str, str]:
    """Everything that is not the app's: rules, whole, and revisions, by what they are called."""
    tagger = events_backends[ACCOUNT][REGION].tagger
    found = {}
    for name, rule in list(rules().items()):
        tags = tagger.get_tag_dict_for_resource(rule.arn)
        if _is_foreign(tags, app):
            found[f"the rule {name}"] = f"{_whole(rule)} {tags}"
    for revisions in list(ecs().task_definitions.values()):
        for definition in list(revisions.values()):
            if _is_foreign({tag["key"]: tag["value"] for tag in definition.tags or []}, app):
                found[f"the revision {definition.arn}"] = str(definition.status)
    return found


def _is_foreign(tags: Mapping[str, str], app: str | None) -> bool:
    owner = tags.get(OWNER_TAG)
    return owner is None or (app is not None and owner != app)


def _whole(rule: Rule) -> str:
    return str([rule.scheduled_expression, rule.event_pattern.dump(), rule.state, rule.description, rule.targets])
