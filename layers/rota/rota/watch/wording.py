"""What a deployment says, for people. It loads nothing: `rota history` is quick."""

import re


def for_people(text: str) -> str:
    """The text without the inputs that it names beside commands, `rota resume --deployments, or start {...}`, and with
    the first digits of digests.
    """
    commands = re.sub(r", or start \{(?:[^{}]|\{[^{}]*\})*\}", "", text)
    return re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}\b", r"\1", commands)
