"""How a command ends: its exit codes, and the error that carries one, with who acts and what to do."""

from enum import IntEnum
from typing import Literal


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    """It is done, or there was nothing to do; there is no difference."""
    FAILED = 1
    """It failed and everything is as before; the file has problems; a check found something."""
    MISUSED = 2
    """The command was misused, the stack is ambiguous, or there is no terminal to ask at."""
    DIFFERS = 3
    """There are differences. Only `plan --exit-code`."""
    NOT_ALLOWED = 4
    """No credentials, or they have expired; a call is denied; there is no such stack, release or task."""
    HALF_DONE = 5
    """A deployment could not be restored: a person acts now."""
    NOT_DEPLOYED = 6
    """Nothing is wrong, and it is not deployed: overtaken, held, barred or ignored."""
    TIMED_OUT = 124
    """--timeout has passed; the work continues."""
    NOT_RUN = 125
    """Only `run`, which else exits as the container did: it never ran, or Rota itself failed."""
    INTERRUPTED = 130
    """Ctrl-C; the work continues."""


MEANINGS = {
    Exit.DONE: "done; nothing to do; no difference",
    Exit.FAILED: "it failed and everything is as before; the file has problems; a check found something",
    Exit.MISUSED: "misused; the stack is ambiguous; it would have to ask and there is no terminal",
    Exit.DIFFERS: "there are differences, only with `plan --exit-code`",
    Exit.NOT_ALLOWED: "no or expired credentials; denied; no such stack, release or task",
    Exit.HALF_DONE: "a deployment could not be restored: a person acts now",
    Exit.NOT_DEPLOYED: "not deployed and nothing is wrong: overtaken, held, barred, ignored",
    Exit.TIMED_OUT: "`--timeout` has passed, the work continues",
    Exit.NOT_RUN: "only `run`, which else exits as the container did: it never ran, or Rota itself failed",
    Exit.INTERRUPTED: "Ctrl-C, the work continues",
}

Acts = Literal["caller", "author", "operator", "none"]


class CommandError(Exception):
    """A command cannot continue. The message says what happened, `todo` what to do next."""

    def __init__(
        self, code: Exit, message: str, todo: str = "", *, error: str = "", acts: Acts = "caller", listed: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.todo = todo
        self.error = error or code.name.title().replace("_", "")
        """The error's name: AWS's own, or that of the exit code."""
        self.acts: Acts = acts
        self.listed = listed
        """Lines that belong to the message, such as the stacks to choose from."""
