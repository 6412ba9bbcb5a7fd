"""Text that names a command, and beside it the input that does the same. It loads nothing: `rota history` is quick."""

import re


def without_inputs(text: str) -> str:
    """The text without the inputs: `rota resume --deployments, or start {...}` is the command alone."""
    return re.sub(r", or start \{(?:[^{}]|\{[^{}]*\})*\}", "", text)
