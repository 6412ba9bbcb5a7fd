"""The errors that a step raises. Their names say who acts; any other exception from a step is a bug in Rota.

The state machine's Retry and Catch name them as strings, so the list is flat and short.
"""

from collections.abc import Collection

# So many names a message has; the cause of a failure has no room for hundreds.
_MOST_NAMED = 10
SHORT_SERVICE_ARN = (
    "services from before 2021 have a short ARN without the cluster, and Rota's roles name the long one: migrate the "
    "service, which stops no task "
    "(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-arn-migration.html)"
)
"""What to do where ECS names a service without its cluster."""


class TransientError(Exception):
    """Throttling, a 5xx, a lost connection, a race. The state machine retries the step."""


class StillRunningError(Exception):
    """An earlier invocation of the deployment, whose response was lost, may still write, ECS is still rolling the
    service back, or a restore is stopping the migration. The state machine retries the step until that has ended, for
    55 minutes at most, and RestoreDeployment for over three hours.
    """


class ConfigError(Exception):
    """The schedule file is wrong. Its author acts: the message lists every problem and what to write instead, and below
    the line `For the operator:` what is wrong beside the file.
    """


class RejectedError(Exception):
    """AWS or the account refuses: denied, missing, a failed rollout. The operator acts: the message says what to do."""


class TaskFailedError(Exception):
    """The task `before` or `after` of the schedule file did not end well. The app's developers act: the message has its
    exit code and the last lines of its log.
    """


class UnreadableError(Exception):
    """RestoreDeployment cannot read the plan or the snapshot of the deployment, and no retry will change that. The
    operator acts: the message says what to do.
    """


class OvertakenError(Exception):
    """Another deployment takes the place of this one: a newer one waits for the lease, or another, mostly a newer one,
    holds it. Or this deployment is being restored already. What it changed is restored.
    """


def updated_meanwhile(what: str) -> RejectedError:
    """The error for what another version of Rota wrote and this one cannot read."""
    return RejectedError(f"Rota was updated meanwhile, and cannot read {what} of the other version; start it again")


def listed(names: Collection[str]) -> str:
    """Names in a message: as many as it has room for, and how many more there are."""
    named, more = ", ".join(list(names)[:_MOST_NAMED]), len(names) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
