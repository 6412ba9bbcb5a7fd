"""What a deployment changes of the service, in words. Pure.

No value is named but commands, masked, and ports: environment variables may hold secrets.
"""

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rota.ecs.arns import short_name
from rota.ecs.fingerprint import fingerprint_of
from rota.ecs.task_definitions import inherited_tags

if TYPE_CHECKING:
    from rota.ecs.fingerprint import Content
    from rota.ecs.task_definitions import Revision

IMAGE = "image"
# Characters of a command in the summary, which is a line.
_LONGEST_COMMAND = 120


def service_changes(
    served: "Revision", base: "Revision", content: "Content", container: str, *, brought_back: bool = False
) -> tuple[str, ...]:
    """How the API's new `content` differs from what the service runs (`served`), and where that comes from.

    `container` is the app's: its image, command and port stand alone, all else after its owner, such as `IMAGE`,
    `command gunicorn shop → ./bin/start` or `nginx: image, memory`. `brought_back`: the base is an earlier release's,
    and `base_changes` speaks of it.
    """
    return (
        *(() if brought_back else _changes_of_base(served, base)),
        *(_changes_of_parameters(base, content, container) if base.arn != served.arn else ()),
        *_changes_of_containers(served.content, content, container),
        *_changes_of_definition(served.content, content),
        *(["tags"] if inherited_tags(served) != inherited_tags(base) else []),
    )


def base_changes(today: "Revision", base: "Revision", container: str) -> tuple[str, ...]:
    """How the base of a release that is brought back differs from today's, but for the image."""
    containers = _changes_of_containers(today.content, base.content, container)
    return (
        *(each for each in containers if each != IMAGE),
        *_changes_of_definition(today.content, base.content),
        *(["tags"] if inherited_tags(today) != inherited_tags(base) else []),
    )


def _changes_of_base(served: "Revision", base: "Revision") -> Iterator[str]:
    if base.arn != served.arn:
        who = f" by {base.registrant}" if base.registrant else ""
        yield f"base {short_name(base.arn)}, registered{who} since {short_name(served.arn)}"


def _changes_of_parameters(base: "Revision", content: "Content", container: str) -> Iterator[str]:
    """What of another base its new revision does not have, because a parameter says otherwise."""
    (had,), (has,) = (
        [c for c in each["containerDefinitions"] if c["name"] == container] for each in (base.content, content)
    )
    differing, name = _differing(had, has), short_name(base.arn)
    if "command" in differing:
        yield f"ApiCommand replaces the command that {name} has, {command_in_words(had.get('command'))}"
    if "portMappings" in differing:
        yield f"ApiPort replaces the port that {name} maps, {_ports(had.get('portMappings'))}"


def _changes_of_containers(before: "Content", after: "Content", container: str) -> Iterator[str]:
    had, has = ({c["name"]: c for c in each["containerDefinitions"]} for each in (before, after))
    for name in {**had, **has}:
        if name not in has:
            yield f"container {name} removed"
        elif name not in had:
            yield f"container {name} added"
        else:
            named, others = _changes_of_container(had[name], has[name])
            if name == container:
                yield from named
                named = []
            if named or others:
                yield f"{name}: {', '.join([*named, *others])}"


def _changes_of_container(had: dict[str, Any], has: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What differs: image, command and ports in words, then the other members by name."""
    named, others = [], []
    for member in sorted(_differing(had, has)):
        match member:
            case "image":
                named.append(IMAGE)
            case "command":
                named.append(f"command {command_in_words(had.get(member))} → {command_in_words(has.get(member))}")
            case "portMappings" if _ports(had.get(member)) != _ports(has.get(member)):
                named.append(f"port {_ports(had.get(member))} → {_ports(has.get(member))}")
            case _:
                others.append(member)
    return named, others


def _changes_of_definition(before: "Content", after: "Content") -> Iterator[str]:
    if differing := sorted(_differing(before, after) - {"containerDefinitions"}):
        yield f"task: {', '.join(differing)}"


def _differing(had: dict[str, Any], has: dict[str, Any]) -> set[str]:
    """The members that differ by more than what ECS reorders and completes."""
    return {
        member
        for member in had.keys() | has.keys()
        if fingerprint_of({member: had.get(member)}, {}) != fingerprint_of({member: has.get(member)}, {})
    }


def command_in_words(words: "Sequence[str] | None") -> str:
    """A command in the summary: masked, and cut."""
    if not words:
        return "the image's own"
    from rota.sanitise import masked_words  # noqa: PLC0415  here, because few plans name a command

    text = shlex.join(masked_words(words))
    return text if len(text) <= _LONGEST_COMMAND else f"{text[:_LONGEST_COMMAND]}..."


def _ports(mappings: list[dict[str, Any]] | None) -> str:
    mapped = [str(each.get("containerPort") or each.get("containerPortRange")) for each in mappings or []]
    return ", ".join(mapped) or "none"
