"""An account in memory: the bus, the family's revisions and the service, as much of them as a plan changes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError

from rota.aws import clients
from rota.ecs.derive import derive_content
from rota.ecs.fingerprint import Content
from rota.ecs.task_definitions import FINGERPRINT_TAG, Revision
from rota.ownership import OWNER_TAG
from rota.plan.build import build_plan
from rota.plan.current_state import CurrentState
from rota.plan.model import Plan
from rota.schedule_file.task import Task
from rota.schedules.eventbridge_rules.backend import EventBridgeRules
from rota.schedules.eventbridge_rules.rule import Rule, rule_name, task_definitions_used_by
from rota.schedules.interface import Backend
from rota.settings import Settings
from tests.guestbook import APP, SETTINGS, arn, current_state, service_state

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
MOST_TARGETS = 5


class StoppedError(Exception):
    """The function is stopped: the write before this one was its last."""


class Bus:
    """EventBridge's default bus, with the calls that Rota makes. It shows every write at once.

    `history` holds, after every write, the rule that was written, None if it was deleted. After `stop_after` further
    writes it raises StoppedError.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = {rule.name: rule for rule in rules}
        self.history: list[Rule | None] = []
        self.stop_after: int | None = None

    class exceptions:  # noqa: N801 - as botocore names it
        class ResourceNotFoundException(ClientError):  # noqa: N818 - likewise
            def __init__(self) -> None:
                super().__init__({"Error": {"Code": "ResourceNotFoundException", "Message": "no such rule"}}, "x")

    # The names of the arguments are AWS's own.
    def list_tags_for_resource(self, ResourceARN: str) -> dict[str, Any]:  # noqa: N803
        tags = self._rule(rule_name(ResourceARN)).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def list_targets_by_rule(self, Rule: str) -> dict[str, Any]:  # noqa: N803
        return {"Targets": list(self._rule(Rule).targets)}

    def put_rule(self, Name: str, State: str, Tags: Iterable[dict[str, str]] = (), **given: str) -> None:  # noqa: N803
        had = self.rules.get(Name)
        self._write(
            Rule(
                name=Name,
                schedule_expression=given.pop("ScheduleExpression", None),
                event_pattern=given.pop("EventPattern", None),
                state=State,
                description=given.pop("Description", ""),
                role_arn=given.pop("RoleArn", None),
                tags=had.tags if had else {tag["Key"]: tag["Value"] for tag in Tags},
                targets=had.targets if had else (),
            )
        )
        assert not given

    def put_targets(self, Rule: str, Targets: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        targets = {target["Id"]: target for target in (*self._rule(Rule).targets, *Targets)}
        assert len(targets) <= MOST_TARGETS, "LimitExceededException"
        self._write(self._rule(Rule).model_copy(update={"targets": tuple(targets.values())}))
        return {"FailedEntries": []}

    def remove_targets(self, Rule: str, Ids: list[str]) -> dict[str, Any]:  # noqa: N803
        kept = tuple(target for target in self._rule(Rule).targets if target["Id"] not in Ids)
        self._write(self._rule(Rule).model_copy(update={"targets": kept}))
        return {"FailedEntries": []}

    def disable_rule(self, Name: str) -> None:  # noqa: N803
        self._write(self._rule(Name).model_copy(update={"state": "DISABLED"}))

    def enable_rule(self, Name: str) -> None:  # noqa: N803
        self._write(self._rule(Name).model_copy(update={"state": "ENABLED"}))

    def delete_rule(self, Name: str) -> None:  # noqa: N803
        assert not self.rules[Name].targets, "ValidationException"
        self._count(None)
        del self.rules[Name]

    def _rule(self, name: str) -> Rule:
        if name not in self.rules:
            raise self.exceptions.ResourceNotFoundException
        return self.rules[name]

    def _write(self, rule: Rule) -> None:
        self._count(rule)
        self.rules[rule.name] = rule

    def _count(self, written: Rule | None) -> None:
        if self.stop_after is not None:
            if self.stop_after == 0:
                raise StoppedError
            self.stop_after -= 1
        self.history.append(written)


def connected(bus: Bus, settings: Settings = SETTINGS) -> Backend:
    """The backend, on that bus."""
    with mock.patch.object(clients, "events", lambda: bus):
        return EventBridgeRules(settings)


@contextmanager
def stopping(bus: Bus, after: int | None) -> Iterator[None]:
    """The bus takes so many writes, then what runs here is stopped; None: all of them."""
    bus.stop_after = after
    try:
        yield
    except StoppedError:
        pass
    finally:
        bus.stop_after = None


def comparable(rules: Iterable[Rule | None]) -> dict[str, Any]:
    """Rules by name, each with its targets in one order."""
    return {
        rule.name: (rule.model_copy(update={"targets": ()}), {target["Id"]: target for target in rule.targets})
        for rule in rules
        if rule
    }


class Account:
    """What a plan works on, and a plan's steps carried out on it, without what is between them."""

    def __init__(self, settings: Settings = SETTINGS, others: Iterable[Rule] = ()) -> None:
        self.settings = settings
        self.bus = Bus(others)
        self.revisions: dict[str, str] = {}  # ARNs by fingerprint
        self.contents: dict[str, Content] = {}
        self.newest, self.service = 1, arn(1)
        self.retry_policy_set: tuple[str, ...] | None = None

    @property
    def schedules(self) -> dict[str, Rule]:
        """The app's own rules, by name."""
        return {name: rule for name, rule in self.bus.rules.items() if rule.belongs_to(APP)}

    def state(self, tasks: Iterable[Task], image: str, *, recorded: bool) -> CurrentState:
        """What ReadConfig gathers; `recorded`: what the last plan stored is known."""
        in_use = {*task_definitions_used_by(self.schedules.values()), self.service}
        unrecorded = [
            Revision(
                arn=each,
                active=True,
                content=self.contents[fingerprint],
                tags={OWNER_TAG: APP, FINGERPRINT_TAG: fingerprint},
            )
            for fingerprint, each in self.revisions.items()
            if each in in_use
        ]
        return current_state(
            *tasks,
            image_uri=image,
            service=service_state(self.service),
            schedules=self.schedules,
            reusable=self.revisions if recorded else {},
            unrecorded=() if recorded else tuple(unrecorded),
            newest_revision=self.newest,
            retry_policy_set_by_rota=self.retry_policy_set if recorded else None,
        )

    def plan(self, tasks: Iterable[Task], image: str, *, recorded: bool = False) -> Plan:
        """What a deployment of these tasks and this image would do now."""
        return build_plan(self.settings, self.state(tasks, image, recorded=recorded))

    def apply(self, plan: Plan) -> None:
        """Carry the whole plan out."""
        self.deploy(plan)
        self.finish(plan)
        self.retry_policy_set = plan.retry_policy_set_by_rota

    def deploy(self, plan: Plan) -> None:
        """Carry the plan out, step by step, up to where nothing can be restored any more."""
        backend = connected(self.bus, self.settings)
        for change in plan.changes_of_kind("remove"):
            if change.disable:
                backend.disable(change)
        for revision in plan.registers:
            self.newest += 1
            self.contents[revision.fingerprint] = derive_content(
                plan.base, self.settings, plan.image_uri, revision.task
            )
            self.revisions[revision.fingerprint] = arn(self.newest)
        for change in plan.changes_of_kind("create", "update"):
            backend.apply(change, self.revisions)
        if plan.roll:
            self.service = self.revisions[plan.api]

    def finish(self, plan: Plan) -> None:
        """Delete the rules that are disabled."""
        backend = connected(self.bus, self.settings)
        for change in plan.changes_of_kind("remove"):
            backend.delete(change)

    def restore(self, plan: Plan, before: dict[str, Rule]) -> None:
        """Undo every change of schedules; `before` are the app's rules in the snapshot."""
        backend = connected(self.bus, self.settings)
        for change in plan.changes:
            backend.restore(change, before.get(change.name), retries=0)
