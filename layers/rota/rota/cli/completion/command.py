"""`rota completion`."""

import click

_SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_ROTA_COMPLETE"
# A zsh whose ~/.zshrc has not switched its completion on knows no `compdef`.
_BEFORE = {"zsh": "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"}


@click.command(
    short_help="The script with which your shell completes rota.",
    epilog='\b\nExample:\n  eval "$(rota completion bash)"',
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which a shell completes commands, options, and the names of tasks, releases and stacks. Put
    the example's line into ~/.bashrc or ~/.zshrc; for fish, write the script into ~/.config/fish/completions/rota.fish.

    The names are those of a minute ago, from your cache folder: pressing the key calls nothing.
    """
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    made = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}[shell]
    click.echo(_BEFORE.get(shell, "") + made(context.find_root().command, {}, "rota", _VARIABLE).source())
