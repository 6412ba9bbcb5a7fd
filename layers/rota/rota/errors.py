"""The error names the state machine may see. Step Functions compares them as strings, so the list is flat and short.

Each name answers one question: who acts? Anything else that escapes a step is a bug in Rota.
"""


class TransientError(Exception):
    """Time cures it: throttling, a 5xx, a lost connection, a race. Nobody acts; the state machine tries again."""


class StillRunningError(Exception):
    """An earlier invocation of the deployment, whose answer was lost, may still write. Nobody acts; the state machine
    waits until it has ended, at the latest when Lambda ends it: 15 minutes.
    """


class ConfigError(Exception):
    """The schedule file is wrong. Its author acts; the message names every fault, its place and what would be right."""


class RejectedError(Exception):
    """AWS or the account says no: denied, missing, a failed rollout. The operator acts."""


class OvertakenError(Exception):
    """The deployment may not go on: a newer one waits or holds the lease, or this one is being put back already. It
    puts back what it changed. Nobody acts.
    """
