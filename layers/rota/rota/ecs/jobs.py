"""What of a task definition a job can live with, and what it leaves out. Pure.

A job runs the chosen container to its end. No caller reaches it, and ECS ends the task with its essential containers:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rota.ecs.images import is_of_repository_named

if TYPE_CHECKING:
    from rota.ecs.fingerprint import Content
    from rota.settings import Settings

_SHELLS = {"sh", "ash", "bash", "dash", "ksh", "zsh"}
# What a container that waits for another waits for, by the condition in `dependsOn`; START does a job no harm.
_STATES = {"HEALTHY": "healthy", "COMPLETE": "done", "SUCCESS": "done"}


def chosen(content: "Content", settings: "Settings") -> dict[str, Any]:
    """The container that the parameter ContainerName names: it serves the API, and runs the jobs."""
    return next(each for each in content["containerDefinitions"] if each["name"] == settings.container)


def variables_of(container: Mapping[str, Any]) -> dict[str, str]:
    """The values of a container's `environment` by name, in a task definition or in overrides."""
    return {each["name"]: each["value"] for each in container.get("environment") or ()}


def left_out(content: "Content", settings: "Settings") -> dict[str, str]:
    """The containers that no job runs, by name, each with the reason.

    A job runs the chosen container, all that it needs, and the other containers but these: those that wait for more
    than the start of the chosen one, those that run the app's image for another purpose, and those that need any of
    these.
    """
    containers = {each["name"]: each for each in content["containerDefinitions"]}
    app = settings.container
    needed = {app, *_needed_by(app, content)}
    found: dict[str, str] = {}
    for name, each in containers.items():
        waits = (d["condition"] for d in each.get("dependsOn") or [] if d["containerName"] == app)
        if state := next((_STATES[condition] for condition in waits if condition in _STATES), None):
            found[name] = f"waits until {app} is {state}"
        elif name not in needed and is_of_repository_named(each["image"], settings.repository):
            found[name] = f"runs the app's image beside {app}, which does not wait for it"
    while more := {
        name: f"needs {', '.join(sorted(missing))}"
        for name in containers.keys() - found.keys() - {app}
        if (missing := _needs(name, content) & found.keys())
    }:
        found |= more
    return found


def needed_and_left_out(content: "Content", settings: "Settings") -> dict[str, str]:
    """Of what is `left_out`, what the chosen container itself needs: with these no job could start."""
    gone = left_out(content, settings)
    return {name: gone[name] for name in sorted(gone.keys() & _needed_by(settings.container, content))}


def keep_what_a_job_needs(content: "Content", settings: "Settings") -> None:
    """Remove from `content` what a job cannot live with; every other member stays.

    The chosen container decides when the task ends. It maps no port and has neither a health check, which the API
    answers, nor a restart policy, with which ECS would start a job again that ended well.
    """
    gone, container = left_out(content, settings), chosen(content, settings)
    content["containerDefinitions"] = [c for c in content["containerDefinitions"] if c["name"] not in gone]
    container["essential"] = True
    for member in ("portMappings", "healthCheck", "restartPolicy"):
        container.pop(member, None)


def runs_with_overrides(content: "Content", settings: "Settings") -> bool:
    """Whether a job may run the API's revision: overrides can remove no container and no restart policy, and cannot
    make a container essential. Ports and a health check do a job no harm.
    """
    container = chosen(content, settings)
    restarts = container.get("restartPolicy", {}).get("enabled", False)
    return not (left_out(content, settings) or restarts or container.get("essential") is False)


def swallowed(entry_point: Sequence[str], command: Sequence[str]) -> tuple[str, ...]:
    """The words of the command that this entry point does not run: a shell's `-c` takes one word as its script, and
    what follows as the script's parameters, from $0 on.
    """
    script_at = _script_at(entry_point)
    if script_at is None:
        return ()
    script, *parameters = words = [*entry_point[script_at:], *command]
    given = len(words) - len(command)
    return tuple(word for at, word in enumerate(parameters) if at + 1 >= given and not _names_parameter(script, at))


def _names_parameter(script: str, number: int) -> bool:
    """Whether the script has $0, or any of $1, ${1}, $@, $* and `shift` for number 1."""
    names = str(number) if number == 0 else rf"(?:{number}|[@*])"
    return re.search(rf"\$\{{?{names}", script) is not None or (number > 0 and "shift" in script)


def _script_at(words: Sequence[str]) -> int | None:
    """Where the script of `sh -c` is, or would be; None without a shell that has this option."""
    for at, word in enumerate(words):
        if word.rpartition("/")[2] in _SHELLS:
            end, is_script = at + 1, False
            while end < len(words) and words[end].startswith(("-", "+")):
                option = words[end]
                is_script |= "c" in option and not option.startswith("--")
                end += 2 if option.endswith("o") else 1  # -o pipefail
            if is_script:
                return end
    return None


def _needed_by(name: str, content: "Content") -> set[str]:
    """All containers that this one needs, directly or not, and the one that its network goes through."""
    proxy = (content.get("proxyConfiguration") or {}).get("containerName")
    needed: set[str] = {proxy} if proxy else set()
    waiting = [name, *needed]
    while waiting:
        more = _needs(waiting.pop(), content) - needed - {name}
        needed |= more
        waiting += more
    return needed


def _needs(name: str, content: "Content") -> set[str]:
    """The containers that this one cannot run without: those that it waits for, shares volumes of, sends its log to."""
    containers: Collection[dict[str, Any]] = content["containerDefinitions"]
    return {other for each in containers if each["name"] == name for other in _named_by(each, containers)}


def _named_by(container: dict[str, Any], containers: Collection[dict[str, Any]]) -> Iterator[str]:
    yield from (each["containerName"] for each in container.get("dependsOn") or [])
    yield from (each["sourceContainer"] for each in container.get("volumesFrom") or [])
    if (container.get("logConfiguration") or {}).get("logDriver") == "awsfirelens":
        yield from (each["name"] for each in containers if each.get("firelensConfiguration"))
