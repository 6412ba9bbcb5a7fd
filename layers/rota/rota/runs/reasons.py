"""Why a run is bad, in plain words, and what to do. Pure.

AWS's own texts: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html. Both call theirs a sample: what is not known
here is shown in AWS's words.
"""

import re
from datetime import datetime
from typing import NamedTuple

from rota.runs.event import BY_A_USER, Container, GivenUp, TaskChange
from rota.runs.model import Actor, Reason, Why
from rota.runs.stops import Stop, person_of

_AUTHOR, _OPERATOR = Actor.AUTHOR, Actor.OPERATOR
_SIGKILL, _SIGSEGV, _SIGTERM = 137, 139, 143
_SIGNALS = {_SIGKILL: "SIGKILL", _SIGSEGV: "SIGSEGV", _SIGTERM: "SIGTERM"}


class _Known(NamedTuple):
    """What AWS's text says if it matches: the first that does counts."""

    pattern: re.Pattern[str]
    why: Why
    words: str
    todo: str
    reader: Actor = _OPERATOR


def _known(pattern: str, why: Why, words: str, todo: str, reader: Actor = _OPERATOR) -> _Known:
    return _Known(re.compile(pattern, re.IGNORECASE), why, words, todo, reader)


_TEXTS = (
    _known(
        r"OutOfMemory",
        Why.OUT_OF_MEMORY,
        "the job ran out of memory",
        'Give the task more "memory" in the schedule file, or let the job use less at a time.',
        _AUTHOR,
    ),
    _known(
        r"performing maintenance on the underlying infrastructure|underlying infrastructure.*(fail|retire)",
        Why.HOST,
        "AWS retired the task's host, or it failed",
        "Nothing is wrong with the job. Run it once more if the next run is too far off.",
    ),
    _known(
        r"Spot (Task was )?interrupt",
        Why.SPOT,
        "AWS interrupted the Spot task",
        "Run it once more. A job that must not be interrupted should not run on Spot.",
    ),
    _known(
        r"Capacity is unavailable|RESOURCE:FARGATE|capacity provider.*(no|not|insufficient)",
        Why.CAPACITY,
        "Fargate had no capacity for the task",
        "Run it once more later. More subnets, in other availability zones, make it rarer.",
    ),
    _known(
        r"network interface|i/o timeout|deadline exceeded|connection timed out|TaskResponseTimeout|dial tcp",
        Why.NETWORK,
        "the task's network did not come up, or AWS could not be reached from it",
        "Once is chance. If it happens again, check the subnets' route to AWS (a NAT gateway, VPC endpoints, or "
        "AssignPublicIp) and the security groups.",
    ),
    _known(
        r"exec format error|platform 'linux/|no matching manifest",
        Why.IMAGE,
        "the image is built for another CPU architecture than the task's",
        "Build the image for the task definition's cpuArchitecture.",
        _AUTHOR,
    ),
    _known(
        r"CannotPull|pull image manifest|failed to resolve ref|image .*(not found|does not exist)|ImageNotFound",
        Why.IMAGE,
        "the image could not be pulled",
        "Check whether ECR still has the image of that digest, and whether the execution role may pull it.",
    ),
    _known(
        r"logging driver|log group|awslogs",
        Why.LOGS,
        "the task's log could not be opened",
        "Check whether the log group exists, and whether the execution role may write to it.",
    ),
    _known(
        r"secret|Systems Manager|\bssm\b|parameter store|\basm\b",
        Why.SECRET,
        "a secret that the task definition names could not be read",
        "Check whether the secret exists under that name, and whether the execution role may read it.",
    ),
    _known(
        r"unable to assume|assume.{0,20}role|AccessDenied|not authorized|PassRole",
        Why.ROLE,
        "a role of the task cannot be assumed, or lacks a permission",
        "Look at the task role and the execution role: that both exist, that ECS may assume them, and what they allow.",
    ),
    _known(
        r"CannotStartContainer|CannotCreateContainer|ContainerRuntime|executable file not found|no such file",
        Why.COMMAND,
        "the container's command could not be started",
        "Look at the task's command in the schedule file, and whether the image has that program.",
        _AUTHOR,
    ),
)

# What a stop code says, in a word of the texts above, where the reason beside it does not.
_STOPS = {
    "SpotInterruption": "Spot interruption",
    "TerminationNotice": "underlying infrastructure retired",
    "InfrastructureHealth": "underlying infrastructure failed",
}

# By a dead letter's ERROR_CODE.
_CODES = {
    "NO_PERMISSIONS": "the role with which EventBridge starts tasks does not allow it",
    "FAILED_TO_ASSUME_ROLE": "EventBridge may not use the role with which it starts tasks",
    "TRANSIENT_ASSUME_ROLE": "EventBridge may not use the role with which it starts tasks",
    "NO_RESOURCE": "the cluster or the task's revision is gone",
    "INVALID_PARAMETER": "ECS does not accept what the rule's target asks for",
    "INVALID_JSON": "ECS does not accept what the rule's target asks for",
    "RESOURCE_LIMIT_EXCEEDED": "a quota of the account is reached",
    "THROTTLING": "ECS throttled the request",
}


def reason_in_text(text: str) -> Reason | None:
    """The reason that a text of AWS names; None if it is not one of those that are known."""
    for known in _TEXTS:
        if known.pattern.search(text):
            return Reason(why=known.why, words=known.words, aws=text, todo=known.todo, reader=known.reader)
    return None


def reason_of_stop(change: TaskChange, container: Container | None) -> Reason | None:
    """Why a task ended otherwise than by its own container; None if it did end so."""
    aws = _aws(change, container)
    if change.stop_code == BY_A_USER:
        person = person_of(change)
        who = "" if person else " CloudTrail's event StopTask says who it was."
        return Reason(
            why=Why.STOPPED,
            words=f"it was stopped by {person}" if person else "a person or a program stopped the task",
            aws=aws,
            todo=f"Nothing is wrong with the job.{who}",
            reader=_OPERATOR,
        )
    if change.stop_code in ("", "EssentialContainerExited", "TaskFailedToStart"):
        return None
    known = reason_in_text(f"{change.stopped_reason} {_STOPS.get(change.stop_code, '')}")
    if known and known.why in (Why.HOST, Why.SPOT):
        return known.model_copy(update={"aws": aws})
    return Reason(
        why=Why.OTHER,
        words="AWS stopped the task",
        aws=aws,
        todo="Nothing is known to be wrong with the job. Run it once more if the next run is too far off.",
        reader=_OPERATOR,
    )


def reason_of_rotas_stop(stop: Stop, *, began: bool) -> Reason:
    """Why Rota stopped a task; `began`: a container of it had run."""
    why, reader = (Why.MAX_RUNTIME if stop.kind == "max_runtime" else Why.OVERLAP), _AUTHOR
    if stop.kind == "max_runtime":
        words = f"it was stopped by Rota after max_runtime, {stop.because} s"
        todo = "Look at the job's log. If it needs longer, raise its max_runtime in the schedule file."
    elif stop.kind == "replace":
        words = "a later run of it had begun, and its overlap is replace"
        todo = "If no run comes to its end, let the job run more rarely."
    elif began:
        words = "it was stopped by Rota as it began, because an earlier run of it still ran and its overlap is skip"
        todo = "Look at the job's log: it may have done a part of its work."
    else:
        words = "an earlier run of it still ran, and its overlap is skip"
        todo = (
            "If the earlier run hangs, stop it in ECS's console, and give the job a max_runtime in the schedule file."
        )
    return Reason(why=why, words=words, aws=stop.reason, todo=todo, reader=reader)


def reason_of_exit(change: TaskChange, container: Container, code: int) -> Reason:
    """Why a container ended with a code that is not 0."""
    aws = _aws(change, container)
    known = reason_in_text(f"{container.reason} {change.stopped_reason}")
    if known and known.why == Why.OUT_OF_MEMORY:
        return known.model_copy(update={"aws": aws})
    if code in _SIGNALS:
        return Reason(
            why=Why.KILLED,
            words=f"the job was killed by {_SIGNALS[code]} (exit code {code})",
            aws=aws,
            todo="A job that needs more memory than it has is killed like this, too. Look at its log and its memory.",
            reader=_AUTHOR,
        )
    return Reason(
        why=Why.EXIT_CODE,
        words=f"the job ended with exit code {code}",
        aws=aws,
        todo="Look at the job's log.",
        reader=_AUTHOR,
    )


def reason_of_no_start(change: TaskChange, container: Container | None) -> Reason:
    """Why a task's container never ran."""
    aws = _aws(change, container)
    known = reason_in_text(aws)
    if known:
        return known
    return Reason(
        why=Why.OTHER,
        words="ECS could not start the task",
        aws=aws,
        todo="AWS's message names the cause.",
        reader=_OPERATOR,
    )


def reason_of_no_exit_code(change: TaskChange, container: Container | None) -> Reason:
    """Why a task that had started ended without an exit code of its container."""
    aws = _aws(change, container)
    return reason_in_text(aws) or Reason(
        why=Why.OTHER,
        words="the task ended, and its container has no exit code",
        aws=aws,
        todo="Look at the job's log, and whether the parameter ContainerName names the right container.",
        reader=_OPERATOR,
    )


def reason_of_dead_letter(letter: GivenUp) -> Reason:
    """Why EventBridge gave up."""
    words = _CODES.get(letter.code, "EventBridge could not start the task")
    given_up = {"MaximumEventAgeInSeconds": "its retry age was over", "MaximumRetryAttempts": "no retry was left"}
    if letter.exhausted:
        after = given_up.get(letter.exhausted, letter.exhausted)
        words += f", and EventBridge gave up after {letter.attempts} retries because {after}"
    aws = f"{letter.code}: {letter.message}".strip(": ")
    known = reason_in_text(letter.message)
    if known and known.why == Why.CAPACITY:
        return known.model_copy(update={"aws": aws})
    return Reason(
        why=Why.REFUSED,
        words=words,
        aws=aws,
        todo="Fix what AWS's message names, then run the job once more.",
        reader=_OPERATOR,
    )


def reason_of_no_trace() -> Reason:
    """A run was due, its schedule is as it should be, and there is no task."""
    return Reason(
        why=Why.NO_TRACE,
        words="it was due, and ECS has no task for it",
        todo="EventBridge reports nothing if ECS has no capacity: CloudTrail's event RunTask of that minute shows it, "
        "and with ExplainMissed Rota reads it. Run the job once more if the next run is too far off.",
        reader=_OPERATOR,
    )


def reason_of_refusal(text: str) -> Reason:
    """ECS's answer to EventBridge's request, as CloudTrail keeps it."""
    known = reason_in_text(text)
    if known and known.why in (Why.CAPACITY, Why.ROLE):
        return known
    todo = "Fix what AWS's message names, then run the job once more."
    return Reason(why=Why.REFUSED, words="ECS refused to start it", aws=text, todo=todo, reader=_OPERATOR)


def reason_of_schedule(*, exists: bool) -> Reason:
    """Its schedule is disabled or gone."""
    if exists:
        words, todo = "its schedule is disabled, and not by the schedule file", "Enable the rule, or set"
        todo += ' "enabled": false in the schedule file to keep it disabled.'
        return Reason(why=Why.DISABLED, words=words, todo=todo, reader=_OPERATOR)
    todo = "Start a deployment: it creates the rule again."
    return Reason(why=Why.GONE, words="its schedule does not exist", todo=todo, reader=_OPERATOR)


def reason_of_migration() -> Reason:
    """A deployment had paused the jobs while its migration ran."""
    todo = 'Nothing. If such a run is to be started afterwards, give the job "catch_up": "missed".'
    words = "its schedule was off while a migration ran (before.pause_tasks)"
    return Reason(why=Why.MIGRATION, words=words, todo=todo, reader=_AUTHOR)


def reason_of_absence(*, away: bool) -> Reason:
    """Rota cannot know what became of a run: it was `away`, or schedules were being changed and restored."""
    words = "Rota was not running" if away else "a deployment was changing schedules then, and was restored"
    todo = "CloudTrail's events RunTask of that time show whether the job was started; its log shows the rest."
    return Reason(why=Why.AWAY, words=words, todo=todo, reader=_OPERATOR)


def reason_of_no_catching_up(before: Reason | None, answer: str) -> Reason:
    """A run was not started once more, late; `before` is why it did not begin when it was due."""
    todo = "Run the job once more yourself if the next run is too far off."
    why, reader = (before.why, before.reader) if before else (Why.OTHER, _OPERATOR)
    return Reason(why=why, words=f"catch_up did not start it once more: {answer}", todo=todo, reader=reader)


def reason_of_unseen_end(at: datetime) -> Reason:
    """A run that was started then, and ended while Rota was away."""
    words = f"it was started at {at:%H:%M} UTC, and Rota was not looking when it ended"
    return Reason(why=Why.AWAY, words=words, todo="Its log shows how it ended.", reader=_OPERATOR)


def _aws(change: TaskChange, container: Container | None) -> str:
    """AWS's own words about a task's end: its reason and its container's."""
    texts = dict.fromkeys(filter(None, (change.stopped_reason, container.reason if container else "")))
    return "; ".join(texts)
