"""The backend whose schedules are EventBridge rules."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rota.aws import clients
from rota.aws.errors import translate
from rota.aws.parallel import in_parallel
from rota.errors import RejectedError, TransientError
from rota.ownership import OWNER_TAG
from rota.schedules.eventbridge_rules import api, rule
from rota.schedules.found import Found
from rota.schedules.restored import BELIEVED_AFTER_RETRIES, Restored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from mypy_boto3_events.type_defs import RuleTypeDef

    from rota.schedules.eventbridge_rules.inventory import RuleInventory
    from rota.schedules.eventbridge_rules.rule import Rule, RuleChange, Tags
    from rota.settings import Settings

# A changed rule takes "a short period of time" to be shown, https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
_MOSTLY_SHOWN_AFTER = 5


class EventBridgeRules:
    """The app's schedules as rules of the default event bus. Every change asks first whether the app owns the rule."""

    def __init__(self, settings: "Settings") -> None:
        self._settings, self._app, self._events = settings, settings.app, clients.events()

    def inventory(self, pool: "ThreadPoolExecutor") -> "Callable[[], RuleInventory]":
        """Begin to read the bus: the app's rules with their targets, and the names and tags of the others.

        AWS's index of tags lists the app's rules, a hundred a call; EventBridge is asked for the tags of the others.
        The index lags behind, so a step that changes a rule asks for the rule's tags once more.
        """
        from rota.schedules.eventbridge_rules import tag_index  # noqa: PLC0415  only the step that gathers loads it

        listing = pool.submit(api.list_rules, self._events, "")
        indexing = pool.submit(tag_index.tags_of_rules, clients.tagging(), self._app)
        return pool.submit(lambda: self._read(listing.result(), indexing.result())).result

    def _read(self, listed: "Sequence[RuleTypeDef]", indexed: "Mapping[str, Tags]") -> "RuleInventory":
        from rota.schedules.eventbridge_rules.inventory import RuleInventory  # noqa: PLC0415  only the step that gathers

        prefixed = [each for each in listed if each["Name"].startswith(self._settings.rule_prefix)]
        tags = api.tags_of(self._events, prefixed, indexed)
        owned = [
            each
            for each in prefixed
            if "ManagedBy" not in each and tags.get(each["Name"], {}).get(OWNER_TAG) == self._app
        ]
        return RuleInventory(
            schedules=api.read_rules(self._events, owned, tags),
            tags=tags,
            managers={each["Name"]: each["ManagedBy"] for each in prefixed if "ManagedBy" in each},
            names=frozenset(each["Name"] for each in listed),
            indexed=frozenset(indexed),
        )

    def read(self, name: str) -> "Rule | None":
        """The app's rule of that name as it is now; None if it has none."""
        found = api.read_rule(self._events, name)
        return found if found and found.belongs_to(self._app) else None

    def revisions_in_use(self) -> set[str]:
        """The ARNs of all task definitions that any rule with the app's prefix runs now, foreign rules included."""
        listed = api.list_rules(self._events, self._settings.rule_prefix)
        targets = in_parallel(lambda each: api.targets_if_any(self._events, each["Name"]), listed)
        return {
            t["EcsParameters"]["TaskDefinitionArn"] for found in targets for t in found or [] if "EcsParameters" in t
        }

    def apply(self, change: "RuleChange", revisions: Mapping[str, str]) -> bool:
        """Create or update the rule and its target; `revisions`: ARNs by fingerprint of what was registered. False: no
        rule has one time.

        RejectedError if someone has created a rule of a new name since the plan, or has deleted or untagged one that is
        to be updated.
        """
        tags = api.read_tags(self._events, change.arn)
        if tags is not None and OWNER_TAG not in tags and change.kind == "create":
            time.sleep(_MOSTLY_SHOWN_AFTER)  # the app's own, made by an earlier try, may not show its tags yet
            tags = api.read_tags(self._events, change.arn)
        owner = None if tags is None else tags.get(OWNER_TAG)
        if tags is None and change.kind == "update":
            raise RejectedError(f"the rule {change.name} was deleted since the deployment was planned; start it again")
        if tags is not None and owner != self._app:
            raise RejectedError(
                f"the rule {change.name} was {'created' if change.kind == 'create' else 'untagged'} by someone else "
                f"since the deployment was planned: its tag {OWNER_TAG} is {owner!r}, not {self._app!r}; rename the "
                "task, or tag the rule to hand it over, and start the deployment again"
            )
        api.send(self._events, change.with_revisions(revisions), {OWNER_TAG: self._app})
        return False

    def disable(self, change: "RuleChange") -> bool:
        """Disable a rule that is to be removed; False if it was deleted or untagged since the plan."""
        if not self._owns(change):
            return False
        self._events.disable_rule(Name=change.name)
        return True

    def delete(self, change: "RuleChange") -> bool:
        """Delete a rule that is to be removed; False if it was deleted or untagged since the plan."""
        return self._owns(change) and api.delete(self._events, change.name)

    def restore(self, change: "RuleChange", before: "Rule | None", retries: int) -> Restored:
        """Undo what a step may have written of this change. `before` is the rule in the snapshot, None if the
        deployment creates it; `retries`: how often this restore was tried before.

        It asks for the owner, and writes without reading the rule: what EventBridge shows may be out of date.
        """
        tags = api.read_tags(self._events, change.arn)
        owner = None if tags is None else tags.get(OWNER_TAG)
        if before is None:
            return self._remove_created(change, exists=tags is not None, owner=owner, retries=retries)
        if tags is not None and owner != self._app:
            self._refuse_late_tags(change, owner, retries)  # an earlier try of this restore may have created it
            disabled = ", although ClearRules may have disabled it" if change.disable else ""
            return Restored(remark=f"the rule {change.name} has another owner now and was left unchanged{disabled}")
        try:
            if tags is None:  # someone has deleted it meanwhile
                api.send(self._events, rule.whole(before, change.arn), before.tags)
            elif change.kind == "remove":
                return Restored(changed=self._enable(change, before))
            else:
                api.send(self._events, rule.undo(change, before), before.tags)
        except (ClientError, RejectedError) as refusal:
            return self._refused(change, before, refusal, retries)
        return Restored(changed=True)

    def find(self, name: str) -> Found:
        """Whether there is a rule of that name, whose it is, and whether it is on."""
        try:
            described = self._events.describe_rule(Name=name)
        except self._events.exceptions.ResourceNotFoundException:
            return Found()
        tags = api.read_tags(self._events, described["Arn"])
        is_owned = tags is not None and "ManagedBy" not in described and tags.get(OWNER_TAG) == self._app
        return Found(exists=tags is not None, is_owned=is_owned, is_on=described["State"] != "DISABLED")

    def switch(self, name: str, *, on: bool) -> Found:
        """Enable or disable the rule, whatever EventBridge shows, which may be out of date."""
        found = self.find(name)
        if found.is_owned:
            write = self._events.enable_rule if on else self._events.disable_rule
            try:
                write(Name=name)
            except self._events.exceptions.ResourceNotFoundException:
                return Found()
        return found

    def _owns(self, change: "RuleChange") -> bool:
        return (api.read_tags(self._events, change.arn) or {}).get(OWNER_TAG) == self._app

    def _enable(self, change: "RuleChange", before: "Rule") -> bool:
        """Undo `disable`; False if the rule was disabled before, or is paused."""
        if not change.disable or before.state == "DISABLED":
            return False
        if before.state == "ENABLED":
            self._events.enable_rule(Name=change.name)
        else:  # the state of a rule for CloudTrail's events, which EnableRule does not give
            api.send(self._events, rule.whole(before, change.arn), before.tags)
        return True

    def _remove_created(self, change: "RuleChange", *, exists: bool, owner: str | None, retries: int) -> Restored:
        """Delete a rule that the deployment may have created, unless it is foreign."""
        if owner == self._app:
            return Restored(changed=api.delete(self._events, change.name))
        if not exists and api.exists(self._events, change.name):
            raise TransientError(f"EventBridge does not show the rule {change.name} yet, which was made a moment ago")
        if not exists:
            return Restored()
        self._refuse_late_tags(change, owner, retries)
        is_twice = change.replaces is not None and self.find(change.name).is_on
        both = ", on: until you disable it, each run of its task comes twice" if is_twice else ""
        return Restored(remark=f"the rule {change.name} has another owner and was left unchanged{both}")

    def _refuse_late_tags(self, change: "RuleChange", owner: str | None, retries: int) -> None:
        """TransientError while a rule that shows no owner may be the app's own, created a moment ago."""
        if owner is None and retries < BELIEVED_AFTER_RETRIES:
            raise TransientError(f"EventBridge may not show the tags of the rule {change.name} yet")

    def _refused(
        self, change: "RuleChange", before: "Rule", refusal: ClientError | RejectedError, retries: int
    ) -> Restored:
        """AWS refused to restore a rule. What refuses the restore (a role that is gone) mostly refused the deployment
        as well, so that nothing was written: then the rule is as it was, once EventBridge shows it.
        """
        error = translate(refusal) if isinstance(refusal, ClientError) else refusal
        if not isinstance(error, RejectedError) or retries < BELIEVED_AFTER_RETRIES:
            raise refusal
        listed = [each for each in api.list_rules(self._events, change.name) if each["Name"] == change.name]
        shown = api.read_rules(self._events, listed, {change.name: before.tags}).get(change.name)
        if rule.difference(shown, before, change.arn) is None:
            return Restored()
        if _is_invalid(refusal) and _is_spent(before):
            api.delete(self._events, change.name)  # it may hold the deployment's schedule and must not run
            return Restored(
                remark=f"the rule {change.name} was not restored: its last run is past, and AWS refused it ({error})"
            )
        raise refusal


def _is_invalid(refusal: Exception) -> bool:
    """Whether AWS refused the rule itself."""
    if not isinstance(refusal, ClientError):
        return False
    return (refusal.operation_name, refusal.response["Error"]["Code"]) == ("PutRule", "ValidationException")


def _is_spent(before: "Rule") -> bool:
    """Whether the rule never runs again; False where that cannot be computed."""
    from datetime import UTC, datetime  # noqa: PLC0415  here, because next to no restore needs it

    from rota.schedule_file.next_runs import next_runs  # noqa: PLC0415  likewise
    from rota.schedule_file.when import When  # noqa: PLC0415  likewise

    if before.event_pattern or not before.schedule_expression:
        return False
    try:
        return not next_runs(When(before.schedule_expression), datetime.now(UTC), 1)
    except ValueError:
        return False
