"""Writes an environment into samconfig.toml, as text: comments and other environments stay as they are. Pure."""

import json
import re
import shlex
import tomllib
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from rota.cli.places import SAMCONFIG

_NEW = "version = 0.1\n"
# What `make deploy` needs in an environment that is new.
_SETTINGS: dict[str, Any] = {
    "capabilities": "CAPABILITY_IAM",
    "confirm_changeset": True,
    "fail_on_empty_changeset": False,
    "resolve_s3": True,
}
_OVERRIDES = "parameter_overrides"
# AWS's own for examples, and that of the environments with which samconfig.toml is delivered.
_ACCOUNT_OF_EXAMPLES = ":111122223333:"
_HEADER = re.compile(r"^\[[^\]\n]+\][^\n]*\n", re.MULTILINE)


class SamconfigError(Exception):
    """The file is not TOML, or has the environment in a form that is not replaced; the message says which."""


def overrides_of(text: str, environment: str) -> dict[str, str] | None:
    """The parameters that the environment has; None without the environment. Raises SamconfigError."""
    found = _parsed(text).get(environment)
    if found is None:
        return None
    if not isinstance(found, dict):
        raise SamconfigError(f"[{environment}] in {SAMCONFIG} is no table")
    given = _parameters(found, environment, "deploy").get(_OVERRIDES, [])
    texts = [given] if isinstance(given, str) else given
    where = f"{_OVERRIDES} of [{environment}.deploy.parameters] in {SAMCONFIG}"
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise SamconfigError(f"{where} is neither a text nor a list of texts")
    try:
        words = [word for each in texts for word in shlex.split(each)]
    except ValueError as error:
        raise SamconfigError(f"{where} cannot be read: {error}") from error
    return dict(each.split("=", 1) for each in words if "=" in each)


def _parameters(found: Mapping[str, Any], environment: str, command: str) -> dict[str, Any]:
    """The parameters of a command of SAM CLI, or of all (`global`). Raises SamconfigError."""
    given = found.get(command, {})
    parameters = given.get("parameters", {}) if isinstance(given, dict) else None
    if not isinstance(parameters, dict):
        raise SamconfigError(f"[{environment}.{command}.parameters] in {SAMCONFIG} is no table")
    return parameters


def is_example(overrides: Mapping[str, str]) -> bool:
    """Whether an environment's parameters are those of samconfig.toml as it is delivered, which are no app's."""
    return _ACCOUNT_OF_EXAMPLES in overrides.get("TaskRoleArns", "")


def with_environment(
    text: str,
    environment: str,
    stack: str,
    region: str,
    parameters: Mapping[str, str],
    proposed: Mapping[str, str] | None = None,
) -> str:
    """The file's text with this environment, instead of the one that it has. Its other settings stay, but for those of
    the example. `proposed`: parameters that are written as comments.

    Raises SamconfigError.
    """
    before = _parsed(text)
    had = {} if is_example(overrides_of(text, environment) or {}) else before.get(environment, {})
    settings = {**_SETTINGS, **_parameters(had, environment, "deploy")}
    settings.pop(_OVERRIDES, None)
    whole = {**_parameters(had, environment, "global"), "stack_name": stack, "region": region}
    lines = [
        f"[{environment}.global.parameters]",
        *(f"{name} = {_value(value)}" for name, value in whole.items()),
        "",
        f"[{environment}.deploy.parameters]",
        *(f"{name} = {_value(value)}" for name, value in settings.items()),
        f"{_OVERRIDES} = [",
        *(f"  {json.dumps(_override(name, value))}," for name, value in parameters.items()),
        *(f"  # {json.dumps(_override(name, value))}," for name, value in (proposed or {}).items()),
        "]",
        "",
    ]
    rest = text or _NEW
    for table in ("global", "deploy"):
        rest = _without(rest, f"[{environment}.{table}.parameters]")
    made = f"{rest.rstrip()}\n\n" + "\n".join(lines)
    after = _parsed(made)
    others = [{name: table for name, table in each.items() if name != environment} for each in (before, after)]
    if others[0] != {name: table for name, table in others[1].items() if text or name != "version"}:
        raise SamconfigError(f"[{environment}] of {SAMCONFIG} cannot be replaced; remove it by hand")
    return made


def _override(name: str, value: str) -> str:
    """SAM CLI splits what has a space, unless it is in quotes."""
    return f'{name}="{value}"' if " " in value else f"{name}={value}"


def _value(value: Any) -> str:
    """A value of TOML: strings, booleans and numbers are as in JSON."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(name)} = {_value(each)}' for name, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return value.isoformat() if isinstance(value, date | time) else json.dumps(value)


def _without(text: str, header: str) -> str:
    """The text without that table; comments at its end stay, as those of the next table."""
    begun = re.search(rf"^{re.escape(header)}[^\n]*\n", text, re.MULTILINE)
    if begun is None:
        return text
    following = _HEADER.search(text, begun.end())
    end = following.start() if following else len(text)
    kept = text[begun.end() : end].rsplit("\n\n", 1)
    are_comments = len(kept) > 1 and all(line.startswith("#") for line in kept[1].splitlines() if line.strip())
    comments = kept[1] if are_comments else ""
    return text[: begun.start()] + comments + text[end:]


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SamconfigError(f"{SAMCONFIG} is not TOML: {error}") from error
