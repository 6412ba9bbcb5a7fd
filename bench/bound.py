"""The time below which no deployment can be: AWS's quotas, and calls that must follow one another. Pure.

What a deployment needs (`bench.needs`) is sent as early as it may be: each call when the calls that it depends on are
answered and its token buckets have a token; the buckets are full at the push. The bound is when the last one is
answered. It contains nothing that a deployment itself has spent.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from stage.quotas.request_rates import QUOTAS, Quota


@dataclass(frozen=True)
class Need:
    """`calls` of one operation that a deployment cannot do without; `name` is unique among its needs.

    `after`: the needs that must be answered before the first of these calls is sent. `one_by_one`: each of them waits
    for the one before; else they are sent at the same time, as far as the quotas allow.
    """

    name: str
    service: str
    operation: str
    calls: int = 1
    after: tuple[str, ...] = ()
    one_by_one: bool = False

    @property
    def call(self) -> str:
        """Service and operation, as in `s3 GetObject`."""
        return f"{self.service} {self.operation}"


SCHEDULERS_RATES = (1000, 250)
"""The calls a second that EventBridge Scheduler allows of each operation, in the larger Regions and in the others:
docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html
"""


def seconds(needs: Sequence[Need], latency: Callable[[str], float], of_scheduler: int = SCHEDULERS_RATES[0]) -> float:
    """When the last call is answered, in seconds from the push. `latency("s3 GetObject")`: how long AWS takes for one;
    `of_scheduler`: the calls a second of EventBridge Scheduler in the Region.

    ValueError if a need is after one that is not in `needs`, or if some wait for each other.
    """
    answered: dict[str, float] = {}
    full_at: defaultdict[Quota, float] = defaultdict(float)
    waiting = list(needs)
    while ready := [(_ready(need, answered), need) for need in waiting if answered.keys() >= {*need.after}]:
        # The one that is ready first: it draws its tokens before the others.
        now, need = min(ready, key=lambda each: each[0])
        waiting.remove(need)
        answered[need.name] = now
        for _ in range(need.calls):
            answered[need.name] = _sent(need, now, full_at, of_scheduler) + latency(need.call)
            now = answered[need.name] if need.one_by_one else now
    if waiting:
        raise ValueError(f"never ready: {', '.join(need.name for need in waiting)}")
    return max(answered.values(), default=0.0)


def _ready(need: Need, answered: Mapping[str, float]) -> float:
    return max((answered[name] for name in need.after), default=0.0)


def _sent(need: Need, ready: float, full_at: defaultdict[Quota, float], of_scheduler: int) -> float:
    """When a call that may be sent at `ready` has its tokens. `full_at` is when each bucket is full again."""
    sent = ready
    for quota in _quotas_of(need.service, need.operation, of_scheduler):
        full_at[quota] = max(full_at[quota], ready) + 1 / quota.per_second
        sent = max(sent, full_at[quota] - quota.burst / quota.per_second)
    return sent


@cache
def _quotas_of(service: str, operation: str, of_scheduler: int) -> tuple[Quota, ...]:
    """The buckets that a call draws from; `*` stands for the operations of a service that no other bucket names."""
    own = [quota for quota in QUOTAS if quota.service == service]
    if service == "scheduler":
        own = [
            each._replace(burst=min(each.burst, of_scheduler), per_second=min(each.per_second, of_scheduler))
            for each in own
        ]
    named = tuple(quota for quota in own if operation in quota.operations)
    return named or tuple(quota for quota in own if "*" in quota.operations)
