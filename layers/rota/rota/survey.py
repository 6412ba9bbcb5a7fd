"""What there is before a deployment: the rules with the app's prefix, whole, and the app's revisions."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from rota import aws, bus, revisions, tag_index
from rota.revisions import Definition
from rota.rules import Rule, runs

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
    ours: list[Definition]


def survey(
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
    with aws.threads() as pool:
        naming = pool.submit(bus.list_rules, events, settings.rule_prefix)
        listing = pool.submit(tag_index.tags_of_rules, tagging, settings.app)
        newer = pool.submit(lambda: set(revisions.newer_than(ecs, settings.family, revisions.revision_number(served))))
    on_the_bus, listed = naming.result(), listing.result()
    believed = {name: listed[name] for name in wanted if name in listed}
    found = bus.read(events, on_the_bus, believed)

    of_the_app = [rule for rule in found.values() if rule.belongs_to(settings.app)]
    arns = runs(of_the_app) | newer.result() | {served}
    read = aws.in_parallel(lambda arn: revisions.find(ecs, arn), sorted(arns))
    ours = revisions.without_changed_copies(each for each in read if each and each.belongs_to(settings.app))

    our_arns = {each.arn for each in ours}
    doubtful = {rule.name for rule in of_the_app if rule.name in believed and not runs([rule]) & our_arns}
    found |= bus.read(events, [rule for rule in on_the_bus if rule["Name"] in doubtful], {})
    return Survey(found, ours)
