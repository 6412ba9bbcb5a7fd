"""How soon CloudTrail's event history shows a RunTask."""

import json
from datetime import timedelta

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, tried
from rota.cli.verify_account.resources import CLUSTER
from rota.cli.verify_account.row import Row, Seen, probe

_MINUTES = 15
_PAUSE = 30.0
"""LookupEvents is limited to two calls a second in the whole account, which others need, too."""


@probe(CLUSTER, actions=("ecs:RunTask", "cloudtrail:LookupEvents"))
def refused_run_task(account: Account) -> float | None:
    """After how many minutes a RunTask is shown that was refused; None if it is not in time."""
    trail, cluster = account.client("cloudtrail"), resources.cluster(account)
    none = account.name("none")
    began = account.clock.now()
    tried(lambda: account.client("ecs").run_task(cluster=cluster, taskDefinition=f"{none}:1"))

    def shown() -> bool:
        pages = trail.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "RunTask"}],
            StartTime=began - timedelta(minutes=1),
        )
        asked = (
            json.loads(each["CloudTrailEvent"]).get("requestParameters") for page in pages for each in page["Events"]
        )
        return any(none in str((request or {}).get("taskDefinition")) for request in asked)

    found = account.wait(shown, 60 * _MINUTES, longest_pause=_PAUSE)
    return (account.clock.now() - began).total_seconds() / 60 if found else None


ROWS = (
    Row(
        id="cloudtrail-delay",
        group="slow",
        assumption=f"LookupEvents shows a RunTask within {_MINUTES} minutes.",
        expected=f"within {_MINUTES} min",
        meaning="With `ExplainMissed` the reason of a missed run comes later, or not.",
        then="`ExplainMissed`: false, its default.",
        probe=refused_run_task,
        read=lambda minutes: Seen("later") if minutes is None else Seen(f"within {_MINUTES} min", f"{minutes:.1f} min"),
    ),
)
