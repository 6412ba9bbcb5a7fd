"""How a target is tried again on the stage's clock, and the dead letter of what is given up.

docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html and eb-rule-dlq.html; EventBridge Scheduler
has the same policy. What throttles or has an internal error is tried again; any other error is final.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stage import clock
from stage.moto.clients import client

After = Callable[[float, Callable[[], None]], None]
"""Calls a function after so many seconds, such as `stage.ecs.timer.Timer.after`."""
RETRIED = frozenset(
    {
        "ThrottlingException",
        "ServerException",
        "InternalServerError",
        "InternalFailure",
        "InternalException",
        "ServiceUnavailable",
    }
)
"""The errors of a target's API after which it is tried again."""
# docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html: the defaults
MOST_RETRIES = 185
MOST_SECONDS = 86_400
LONGEST_WAIT = 480
"""The seconds between two attempts double up to this. With it, 185 attempts last about 24 hours."""


@dataclass(frozen=True)
class Tried:
    """What has failed: first tried at `began` in seconds since the epoch, and since then `retries` times."""

    policy: Mapping[str, Any]
    """The target's RetryPolicy."""
    began: float
    retries: int


def try_again(
    tried: Tried, code: str, after: After, again: Callable[[], None], give_up: Callable[[str | None], None]
) -> None:
    """Call `again()` when it is time for the next attempt, or `give_up(exhausted)`: at once for an error that is final,
    else once a limit of the policy is exhausted, with its name.
    """
    wait = min(2**tried.retries, LONGEST_WAIT)
    left = tried.began + tried.policy.get("MaximumEventAgeInSeconds", MOST_SECONDS) - clock.time()
    if code not in RETRIED:
        give_up(None)
    elif tried.retries >= tried.policy.get("MaximumRetryAttempts", MOST_RETRIES):
        give_up("MaximumRetryAttempts")
    elif wait > left:
        after(left, lambda: give_up("MaximumEventAgeInSeconds"))
    else:
        after(wait, again)


def send_dead_letter(queue: str, body: str, attributes: Mapping[str, str], exhausted: str | None) -> None:
    """Send what was given up to the queue of that ARN. Raises ClientError, also for a queue that is gone."""
    whole = {**attributes, **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {})}
    client("sqs").send_message(
        QueueUrl=queue_url(queue),
        MessageBody=body,
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in whole.items()},
    )


def queue_url(arn: str) -> str:
    """The URL of the queue of that ARN."""
    url: str = client("sqs").get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    return url
