"""What may be done on the board: each is a command of `rota`, which is run as if it was typed."""

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from rota.board.answer import NotShownError
from rota.board.model import Ask, Field

_SECONDS = 120
_REASON = Field("reason", "Reason", "Whoever comes next reads it.", required=True)
_WHY = Field("reason", "Reason", "May be empty.")
_UNTIL = Field(
    "for",
    "For how long",
    choices=(("1h", "1 hour"), ("4h", "4 hours"), ("1d", "1 day"), ("3d", "3 days"), ("", "until it is resumed")),
)
_NAME = "{name}"


@dataclass(frozen=True)
class Action:
    """A command, what it is about, and what it brings about. `{name}` is the task or the release."""

    arguments: Sequence[str]
    title: str
    effect: Sequence[str]
    button: str
    fields: Sequence[Field]


ACTIONS = {
    "rollback": Action(
        ("rollback", _NAME),
        "Roll back to {name}",
        (
            "A deployment starts at once: image, schedule file and base become those of {name}, for service and jobs.",
            "It sticks: what was live after {name} is barred, and no push of it deploys until a person lifts that.",
            "What a database migration did stays done.",
        ),
        "Roll back",
        (_REASON,),
    ),
    "run": Action(
        ("run", _NAME),
        "Run {name} now",
        (
            "ECS starts {name} once, as its schedule would, beside a run that may be under way.",
            "It is recorded as run by hand, and says nothing of how the job does.",
        ),
        "Run it",
        (),
    ),
    "pause": Action(
        ("pause", _NAME),
        "Pause {name}",
        (
            "Its schedule is off, whatever deploys, until the time is over or a person resumes it.",
            "A run that is under way continues. What is due meanwhile is not started later.",
        ),
        "Pause it",
        (_REASON, _UNTIL),
    ),
    "resume": Action(
        ("resume", _NAME),
        "Resume {name}",
        ("Its schedule is on again. What was due in the pause is not started.",),
        "Resume it",
        (_WHY,),
    ),
    "hold": Action(
        ("pause", "--deployments"),
        "Hold deployments",
        (
            "From now on no push deploys. The newest one waits, and is deployed when the hold ends.",
            "A deployment that is under way continues; rollbacks pass.",
        ),
        "Hold them",
        (_REASON, _UNTIL),
    ),
    "end-hold": Action(
        ("resume", "--deployments"),
        "End the hold of deployments",
        ("Pushes deploy again. If one has waited, the newest is deployed at once.",),
        "End the hold",
        (_WHY,),
    ),
    "lift": Action(
        ("resume", "--barred"),
        "Lift what rollbacks barred",
        ("The next push of such an image deploys again. It deploys nothing.",),
        "Lift it",
        (_WHY,),
    ),
    "approve": Action(
        ("approve", _NAME),
        "Approve {name}",
        (
            "What waits is deployed at once, unless a hold or the deployment window stops it.",
            "It changes what the board and the message say. If it is something else when it starts, it is asked again.",
        ),
        "Approve it",
        (_REASON,),
    ),
    "reject": Action(
        ("reject", _NAME),
        "Reject {name}",
        ("What waits is not deployed, and that is recorded. A later push of the image asks again.",),
        "Reject it",
        (_REASON,),
    ),
    "stop": Action(
        ("restore", _NAME),
        "Stop {name}",
        ("The deployment is stopped, and everything that it changed is put as it was before.",),
        "Stop it",
        (),
    ),
}


def ask(action: str, name: str, options: str, called: str = "") -> Ask | None:
    """What is asked before an action; None for what is none. Whether there is such a task the caller knows, and how
    people call what the command knows by an id (`called`). Pure.
    """
    found = ACTIONS.get(action)
    # A rule that a person made may have any name; to a command, one that begins so is an option.
    if found is None or (_NAME in found.arguments) != bool(name) or name.startswith("-"):
        return None
    shown = " ".join(["rota", *(shlex.quote(each.format(name=name)) for each in found.arguments)])
    shown += "".join(f" --{each.name} …" for each in found.fields if each.required) + options
    href = f"/do/{action}" + (f"/{quote(name, safe='')}" if name else "")
    effect = [each.format(name=called or name) for each in found.effect]
    return Ask(found.title.format(name=called or name), effect, shown, found.button, href, found.fields)


def arguments(action: str, name: str, fields: Mapping[str, str]) -> list[str]:
    """The command's arguments. What a person typed is never an option of its own. Pure."""
    found = ACTIONS[action]
    given = [f"--{key}={value}" for key, value in fields.items() if value]
    named = [each.format(name=name) for each in found.arguments]
    return [*named[:1], *given, "--yes", "--no-wait", *named[1:]]


def do(action: str, name: str, fields: Mapping[str, str], options: str) -> str:
    """Run the command. Returns what was started, in a sentence. NotShownError with what it says if it refuses."""
    typed = arguments(action, name, fields)
    # -P: modules of the directory that it was started in are none of the command's.
    call = [sys.executable, "-P", "-m", "rota", *typed[:1], *shlex.split(options), "--json", *typed[1:]]
    try:
        ran = subprocess.run(call, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as slow:
        line = _line(action, name, fields, options)
        raise NotShownError("The command has not ended", [f"After {_SECONDS} s it was left alone.", line]) from slow
    if ran.returncode:
        raise NotShownError("It was not done", [*_said(ran.stderr), _line(action, name, fields, options)])
    return f"Started: {_line(action, name, fields, options)}"


def _line(action: str, name: str, fields: Mapping[str, str], options: str) -> str:
    """The command as a person types it, and as it was shown before."""
    given = "".join(f" --{key} {shlex.quote(value)}" for key, value in fields.items() if value)
    named = shlex.join(each.format(name=name) for each in ACTIONS[action].arguments)
    return f"rota {named}{options}{given}"


def _said(stderr: str) -> list[str]:
    """The message of the command's error."""
    try:
        error = json.loads(stderr.strip().splitlines()[-1])
        return [each for each in (error["message"], error["details"], error["todo"]) if each]
    except (ValueError, KeyError, IndexError, TypeError):
        return [stderr.strip()[-400:]]
