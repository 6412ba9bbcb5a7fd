"""What the board asks AWS: as the commands ask it, and not more often than is worth it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from rota.board import model
from rota.board.answer import NotShownError
from rota.cli.aws_errors import explained
from rota.cli.board import details, writes
from rota.cli.board.blame import blame
from rota.cli.board.front import Clock, front, release_rows, waiting
from rota.cli.board.progress import Progress
from rota.cli.check import probes_of_places
from rota.cli.check.model import Finding
from rota.cli.exits import CommandError
from rota.cli.history.gather import history
from rota.cli.history.model import Deployment, History
from rota.cli.releases import VERSION
from rota.cli.status.gather import CLIENTS, Gathered, gather_again, gather_with_runs
from rota.cli.status.text import short

if TYPE_CHECKING:
    from rota.cli.frame import Account

_NOW_SECONDS, _TASKS_SECONDS, _HEALTH_SECONDS = 2.0, 15.0, 60.0
"""How old what deploys may be, the tasks, and queues and alarms: other people's calls have the same quotas."""
_RELEASES = 12
_ALL_RELEASES = 400
Found = TypeVar("Found")


class Source:
    """The pages' models. It may be asked in several threads: one at a time asks AWS."""

    def __init__(self, account: "Account", *, served: bool, writes: bool) -> None:
        self.account, self.stack = account, account.stack_beside(*CLIENTS, "stepfunctions")
        self._served, self._writes = served, writes
        self._lock = Lock()
        self._progress = Progress(account)
        self._tasks = _Kept[Gathered](_TASKS_SECONDS)
        self._status = _Kept[Gathered](_NOW_SECONDS)
        self._history = _Kept[History](_NOW_SECONDS)
        self._health = _Kept[list[Finding]](_HEALTH_SECONDS)

    def frame(self) -> model.Frame:
        """What every page has."""
        from rota import __version__

        stack, clock = self.stack, self.clock
        return model.Frame(
            app=stack.app,
            place=f"{stack.name}, {stack.region}, {stack.account}",
            now=clock.now,
            gathered=f"As of {clock.local(clock.now):%a %d %b %Y, %H:%M:%S} {clock.zone}",
            zone=clock.zone,
            version=__version__,
            options=self.account.options,
            writes=self._writes,
            served=self._served,
        )

    @property
    def clock(self) -> Clock:
        return Clock(self.account.now(), self.account.output.utc)

    def front(self, hours: int = 24) -> model.Front:
        """The one screen."""
        with self._asking():
            gathered = self._gathered()
            found = self._history.get(lambda: history(self.account.table_of(self.stack), _RELEASES, every=True))
            deploying = self._progress.of(gathered.status, self.clock)
            health = self._health.get(lambda: [*_findings(self.account)])
        return front(
            self.frame(),
            gathered,
            [*filter(_is_shown, found.releases)],
            deploying,
            self.clock,
            hours,
            more=found.more,
            blame=blame(gathered.jobs),
            health=health,
        )

    def releases(self) -> model.Releases:
        """The page of all releases, and the deployments that made none."""
        with self._asking():
            found = history(self.account.table_of(self.stack), _ALL_RELEASES, every=True)
        rows = release_rows([*filter(_is_shown, found.releases)], self.clock)
        return model.Releases(self.frame(), rows, more=found.more)

    def detail(self, path: Sequence[str]) -> model.Detail | None:
        """The page of a task, a run, a release or a deployment."""
        account, frame, clock = self.account, self.frame(), self.clock
        with self._asking():
            match path:
                case ("t", task):
                    return details.task(account, frame, task, clock)
                case ("t", task, due, task_id):
                    return details.run(account, frame, task, due, task_id, clock)
                case ("r" | "d", name):
                    return details.release(account, frame, name, clock)
        return None

    def ask(self, action: str, name: str) -> model.Ask | None:
        """What is asked before an action."""
        if name and not self._is_known(action, name):
            return None
        return writes.ask(action, name, self.account.options, self._called(action, name))

    def do(self, action: str, name: str, fields: Mapping[str, str]) -> str:
        """Run the command of an action that was asked for."""
        said = writes.do(action, name, fields, self.account.options)
        with self._lock:
            self._tasks.forget()
            self._history.forget()
        return said

    def _is_known(self, action: str, name: str) -> bool:
        """Whether there is such a release, deployment or task: what an address says is no option of a command."""
        if action == "rollback":
            return bool(VERSION.fullmatch(name))
        with self._asking():
            status = self._gathered().status
        if action in ("approve", "reject"):
            return any(each is not None and each.changes == name for each in (status.pending, status.pending_schedule))
        if action == "stop":
            return status.deploying is not None and status.deploying.execution.rpartition(":")[2] == name
        return any(task.task == name for task in status.tasks)

    def _called(self, action: str, name: str) -> str:
        """What an action is about that its command knows by an id, in words."""
        if action not in ("approve", "reject", "stop"):
            return name
        with self._asking():
            status = self._gathered().status
        if action == "stop":
            found = status.deploying
            named = found and (found.tag or short(found.digest))
            return f"the deployment of {named}" if named else "what is under way"
        both = (status.pending, status.pending_schedule)
        return next((waiting(each) for each in both if each is not None and each.changes == name), name)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """One thread at a time; what AWS refuses as NotShownError."""
        with self._lock:
            try:
                yield
            except Exception as error:
                said_by_aws = error if isinstance(error, CommandError) else explained(error)
                if said_by_aws is None:
                    raise
                raise NotShownError(
                    said_by_aws.message, [*filter(None, (said_by_aws.listed, said_by_aws.todo))]
                ) from error

    def _gathered(self) -> Gathered:
        before = self._tasks.seen
        found = self._tasks.get(lambda: gather_with_runs(self.account, self.stack))
        if self._tasks.seen != before:
            self._status.put(found)
        was = self._status.found or found

        def again() -> Gathered:
            return found._replace(status=gather_again(self.account, self.stack, found.status))

        now = self._status.get(again)
        if was.status.deploying and not now.status.deploying:  # its tasks are others
            self._tasks.forget()
            return self._gathered()
        return now


def _findings(account: "Account") -> Iterator[Finding]:
    """What is wrong with queues and alarms, as far as the caller may see them."""
    for probe in (probes_of_places.queues, probes_of_places.alarms):
        try:
            found = [*probe(account)]
        except Exception as error:
            if explained(error) is None:
                raise
            continue
        yield from (each for each in found if each.status == "fail")


def _is_shown(each: Deployment) -> bool:
    """Whether it deployed something, or was to: what people paused and held is shown as it is now."""
    return bool(each.digest) or each.outcome != "done"


class _Kept(Generic[Found]):
    """What was found, for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.found: Found | None = None
        self.seen = 0.0

    def get(self, look: Callable[[], Found]) -> Found:
        found = self.found
        if found is None or time.monotonic() - self.seen > self._seconds:
            found = look()
            self.put(found)
        return found

    def put(self, found: Found) -> None:
        self.found, self.seen = found, time.monotonic()

    def forget(self) -> None:
        self.found = None
