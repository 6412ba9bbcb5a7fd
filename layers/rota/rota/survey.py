"""What there is before a deployment: the rules with the app's prefix, whole, and the app's revisions."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rota import aws, bus, revisions
from rota.revisions import Definition
from rota.rules import Rule, runs

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_events import EventBridgeClient

    from rota.settings import Settings


def survey(
    events: "EventBridgeClient",
    tagging: "BaseClient",
    ecs: "ECSClient",
    settings: "Settings",
    wanted: Iterable[str],
    api: str,
) -> tuple[dict[str, Rule], list[Definition]]:
    """The rules by name, ours and others'; and our revisions that rules or the service run (`api` is the service's) or
    that are newer than the service's, which a deployment that was aborted left behind.

    The index of tags lags. It is believed only of a rule that stays (`wanted`) and runs a revision of ours, which no
    rule of somebody else's does; of every other rule EventBridge itself is asked whose it is.
    """
    with aws.threads() as pool:
        naming, listing = (
            pool.submit(bus.names, events, settings.rule_prefix),
            pool.submit(bus.listed, tagging, settings.app),
        )
        newer = pool.submit(lambda: set(revisions.newer_than(ecs, settings.family, revisions.revision_number(api))))
    on_the_bus, listed = naming.result(), listing.result()
    believed = {name: listed[name] for name in wanted if name in listed}
    found = bus.read(events, on_the_bus, believed)

    of_the_app = [rule for rule in found.values() if rule.belongs_to(settings.app)]
    arns = runs(of_the_app) | newer.result() | {api}
    read = aws.in_parallel(lambda arn: _revision(ecs, arn), sorted(arns))
    ours = [each for each in read if each and each.belongs_to(settings.app)]

    our_arns = {each.arn for each in ours}
    doubtful = {rule.name for rule in of_the_app if rule.name in believed and not runs([rule]) & our_arns}
    found |= bus.read(events, [rule for rule in on_the_bus if rule["Name"] in doubtful], {})
    return found, ours


def _revision(ecs: "ECSClient", arn: str) -> Definition | None:
    """The revision; None if somebody has deleted it since a rule was made to run it."""
    try:
        return revisions.read(ecs, arn)
    except ecs.exceptions.ClientException as error:
        # One code for whatever is wrong with a request; only the words tell.
        if error.response["Error"]["Message"].startswith("Unable to describe task definition"):
            return None
        raise
