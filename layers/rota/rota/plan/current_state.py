"""What there is before a deployment: the rules with the app's prefix, whole, and the app's revisions."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from rota.aws.parallel import in_parallel, thread_pool
from rota.ecs import arns, task_definitions
from rota.ecs.task_definitions import Revision
from rota.schedules.eventbridge_rules import api, tag_index
from rota.schedules.eventbridge_rules.rule import Rule, task_definitions_used_by

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient

    from rota.settings import Settings


class Survey(NamedTuple):
    """`rules` are all with the app's prefix, by name, ours and others'; `ours` are our revisions that rules or the
    service run, or that are newer than the service's, which a deployment that was aborted left behind.
    """

    rules: dict[str, Rule]
    ours: list[Revision]


def read_current_state(
    events: "EventBridgeClient",
    tagging: "BaseClient",
    ecs: "ECSClient",
    settings: "Settings",
    wanted: Iterable[str],
    served: str,
) -> Survey:
    """Look at what there is; `served` is the revision that the service runs.

    The index of tags lags. It is believed only of a rule that stays (`wanted`) and runs a revision of ours, which no
    rule of somebody else's does; of every other rule EventBridge itself is asked whose it is.
    """
    with thread_pool() as pool:
        naming = pool.submit(api.list_rules, events, settings.rule_prefix)
        listing = pool.submit(tag_index.tags_of_rules, tagging, settings.app)
        newer = pool.submit(
            lambda: set(task_definitions.list_newer(ecs, settings.family, arns.revision_number(served)))
        )
    on_the_bus, listed = naming.result(), listing.result()
    believed = {name: listed[name] for name in wanted if name in listed}
    found = api.read_rules(events, on_the_bus, believed)

    of_the_app = [rule for rule in found.values() if rule.belongs_to(settings.app)]
    in_use = task_definitions_used_by(of_the_app) | newer.result() | {served}
    read = in_parallel(lambda arn: task_definitions.find_revision(ecs, arn), sorted(in_use))
    ours = task_definitions.drop_changed_copies(each for each in read if each and each.belongs_to(settings.app))

    our_arns = {each.arn for each in ours}
    doubtful = {
        rule.name for rule in of_the_app if rule.name in believed and not task_definitions_used_by([rule]) & our_arns
    }
    found |= api.read_rules(events, [rule for rule in on_the_bus if rule["Name"] in doubtful], {})
    return Survey(found, ours)
