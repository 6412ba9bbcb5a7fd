"""The command `rota`: the group of its commands.

A command's module is loaded when it is typed or listed, and imports what it works with only when it runs, so that help
and completion answer at once.
"""

from importlib import import_module

import click

from rota import __version__

_NAMES = (
    *("status", "next", "history", "explain", "run", "logs", "stop"),
    *("plan", "deploy", "approve", "reject", "rollback", "pause", "resume", "restore"),
    *("board", "check", "init", "import", "verify-account", "completion"),
)
_FUNCTIONS = {"import": ("import_schedules", "import_"), "next": ("next", "next_"), "reject": ("approve", "reject")}
"""The folder and the function of a command whose name Python has taken."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _NAMES:
            return None
        plain = cmd_name.replace("-", "_")
        folder, function = _FUNCTIONS.get(cmd_name, (plain, plain))
        found: click.Command = getattr(import_module(f"rota.cli.{folder}.command"), function)
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="rota %(version)s")
def main() -> None:
    """For apps that Rota deploys: what is live, what deploys and how jobs do; and checks, without AWS and in it."""
