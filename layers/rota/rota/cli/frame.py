"""What every command that reads a stack has: its options, the clients, the stack, and how it ends when AWS refuses."""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rota.cli.completion import names
from rota.cli.exits import CommandError, Exit
from rota.cli.output import Output

if TYPE_CHECKING:
    from botocore.session import Session

    from rota.cli.stack import Stack
    from rota.cli.table import Table

_CLOSE_SECONDS = 30
_ATTEMPTS, _CONNECT_SECONDS, _READ_SECONDS, _CONNECTIONS = 4, 5, 30, 32


class Account:
    """The caller's account: clients, each made when it is first needed, and the stack."""

    def __init__(
        self,
        output: Output,
        *,
        stack: str | None = None,
        env: str | None = None,
        profile: str | None = None,
        region: str | None = None,
    ) -> None:
        self.output = output
        self.interrupted = ""
        """What to say after Ctrl-C: how to resume watching, and how to stop what still runs."""
        self.named_stack, self.named_env = stack, env
        """What `--stack` and `--env` say."""
        self._profile, self._region = profile, region
        self._clients: dict[str, Any] = {}
        self._ahead = timedelta()
        output.now = self.now

    def now(self) -> datetime:
        """The time in UTC by AWS's clock, as its last answer had it; before the first answer by this machine's."""
        return datetime.now(UTC) + self._ahead

    @contextmanager
    def attempting(self, interrupted: str) -> Iterator[None]:
        """Around the call that begins something: from now on what to say after Ctrl-C, unless AWS refuses the call."""
        before, self.interrupted = self.interrupted, interrupted
        try:
            yield
        except Exception as error:
            from rota.cli.aws_errors import is_refused

            if is_refused(error):
                self.interrupted = before
            raise

    @cached_property
    def session(self) -> "Session":
        """botocore's: boto3 around it would take a tenth of the time of `rota status`."""
        from botocore.session import Session

        return Session(profile=self._profile)

    @cached_property
    def region(self) -> str:
        from botocore.exceptions import NoRegionError

        # botocore itself reads AWS_DEFAULT_REGION alone of the two.
        region = self._region or os.environ.get("AWS_REGION") or self.session.get_config_variable("region")
        if not region:
            raise NoRegionError
        return str(region)

    def client(self, service: str) -> Any:
        """The client of a service, the same one each time. Making one is not safe in threads; using it is."""
        if service not in self._clients:
            self._clients[service] = self._make(service)
        return self._clients[service]

    @cached_property
    def caller(self) -> str:
        """Who calls, as STS says: `user/ana`. What is recorded of it is a claim; CloudTrail has the proof."""
        return str(self.client("sts").get_caller_identity()["Arn"]).rpartition(":")[2]

    @cached_property
    def stack(self) -> "Stack":
        """The stack that is meant; a person at a terminal reads its name, account and Region first."""
        from rota import __version__
        from rota.cli import stack as stacks
        from rota.cli.places import stack_name

        name = stack_name(self.named_stack, self.named_env, Path.cwd())
        found = stacks.find(self.client("cloudformation"), name)
        self.output.remark(str(found))
        if stacks.is_older(__version__, found.version):
            self.output.notes([f"This is rota {__version__}, and the stack has {found.version}: install that version."])
        return found

    def stack_beside(self, *services: str) -> "Stack":
        """The stack that is meant; the clients of these services are made while AWS answers."""
        from rota.aws.parallel import thread_pool

        self.client("cloudformation")
        with thread_pool() as pool:
            asked = pool.submit(lambda: self.stack)
            for each in services:
                self.client(each)
            return asked.result()

    @property
    def table(self) -> "Table":
        """The stack's table."""
        return self.table_of(self.stack)

    def table_of(self, stack: "Stack") -> "Table":
        """The table of that stack."""
        from rota.cli.table import Table

        return Table(self.client("dynamodb"), stack.table, stack.app)

    @cached_property
    def options(self) -> str:
        """What of this call's options the next command that is shown needs too, as a shell reads it."""
        from shlex import quote

        given = {"--stack": self.named_stack, "--env": self.named_env}
        given |= {"--profile": self._profile, "--region": self._region}
        return "".join(f" {name} {quote(value)}" for name, value in given.items() if value)

    def _make(self, service: Any) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            max_pool_connections=_CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            user_agent_extra="rota-cli",
        )
        client = self.session.create_client(service, region_name=self.region, config=config)
        client.meta.events.register("after-call", self._hear)
        return client

    def _hear(self, http_response: Any, **_more: Any) -> None:
        """Note by how much AWS's clock is ahead, if that is more than an answer takes."""
        from email.utils import parsedate_to_datetime

        with suppress(TypeError, ValueError):  # of a header that is missing, or is no time
            ahead = parsedate_to_datetime(http_response.headers.get("Date")) - datetime.now(UTC)
            self._ahead = ahead if abs(ahead.total_seconds()) > _CLOSE_SECONDS else timedelta()


def _options() -> list[click.Parameter]:
    """The options of every command that asks AWS."""
    texts = {
        "--stack": "The stack; default: $ROTA_STACK, rota.toml, or the only one.",
        "--env": "The stack of that environment in samconfig.toml.",
        "--profile": "The profile of your AWS configuration.",
        "--region": "The Region; default: $AWS_REGION, or your configuration.",
    }
    completed = {"--stack": names.stacks, "--env": names.environments}
    return [
        *(
            click.Option([name], metavar="NAME", help=text, shell_complete=completed.get(name))
            for name, text in texts.items()
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON."),
        click.Option(["--utc"], is_flag=True, help="Show times in UTC."),
        click.Option(["--no-color"], is_flag=True, help="Print without colours."),
    ]


class _Command(click.Command):
    """Says what is wrong with its options as JSON, too."""

    misused = Exit.MISUSED

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        as_json = "--json" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as wrong:
            if not as_json:
                wrong.exit_code = int(self.misused)  # type: ignore[misc]  # click reads that of the instance
                raise
            todo = f"{ctx.command_path} --help lists its options"
            Output(as_json=True).fail(CommandError(self.misused, wrong.format_message(), todo))
            ctx.exit(int(self.misused))


class _RunsJobs(_Command):
    """A command that exits as a job did: also its misuse has the one exit code that is left to it."""

    misused = Exit.NOT_RUN


Work = Callable[..., int | None]


def command(name: str, example: str, short_help: str, *, runs_jobs: bool = False) -> Callable[[Work], click.Command]:
    """A command that is handed its Account, and returns its exit code; None is DONE. `example` ends its help. With
    `runs_jobs` all that is no exit code of a job is NOT_RUN.
    """

    def decorate(function: Work) -> click.Command:
        @functools.wraps(function)
        def run(as_json: bool, utc: bool, no_color: bool, **given: Any) -> None:
            output = Output(as_json=as_json, utc=utc, no_color=no_color)
            where = {key: given.pop(key) for key in ("stack", "env", "profile", "region")}
            account = Account(output, **where)
            failure = Exit.NOT_RUN if runs_jobs else None
            sys.exit(ended(output, account, lambda: function(account, **given), failure))

        epilog = f"\b\nExample:\n  {example}"
        made = click.command(name, _RunsJobs if runs_jobs else _Command, epilog=epilog, short_help=short_help)(run)
        made.params += _options()
        return made

    return decorate


def ended(output: Output, account: Account, work: Callable[[], int | None], failure: Exit | None = None) -> int:
    """Do the work. Returns its exit code, and what AWS's refusals and Ctrl-C come to; `failure`: the exit code of all
    that fails.
    """
    try:
        return int(work() or Exit.DONE)
    except CommandError as error:
        return _failed(output, error, failure)
    except (KeyboardInterrupt, click.Abort):
        output.fail(CommandError(Exit.INTERRUPTED, "stopped", account.interrupted or "Nothing was changed."))
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:  # the reader has seen enough; at its end Python would write the rest once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not account.interrupted:
            return int(Exit.DONE)
        output.fail(CommandError(Exit.INTERRUPTED, "the reader of the answer is gone", account.interrupted))
        return int(Exit.INTERRUPTED)
    except Exception as error:
        from rota.cli.aws_errors import explained

        explanation = explained(error)
        if failure and explanation is None:
            import traceback

            traceback.print_exc()
            explanation = CommandError(failure, f"the command itself failed: {error}", "report the lines above")
        if explanation is None:
            raise
        explanation.todo = "\n".join(filter(None, (explanation.todo, account.interrupted)))
        return _failed(output, explanation, failure)


def _failed(output: Output, error: CommandError, failure: Exit | None) -> int:
    if failure and error.code is not Exit.TIMED_OUT:
        error.code = failure
    output.fail(error)
    return int(error.code)
