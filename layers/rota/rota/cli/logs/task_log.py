"""The log of one task of ECS, read forwards and masked as messages about jobs are."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rota.cli.aws_errors import is_passing
from rota.cli.logs.model import Line
from rota.runs.log_place import container_of, log_place_of, secrets_in, secrets_of, secrets_of_start
from rota.sanitise import MASK, clean, mask

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.live_schedules import Schedule

_KEY_BEGINS, _KEY_ENDS = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"), "-----END"


_MOST_PAGES = 5


class Masked:
    """Lines as they are shown: without control characters and secrets, also where a key is on several lines."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = [*secrets]
        self._in_key = False

    def line(self, milliseconds: int, message: str) -> Line:
        """The line that was logged then."""
        at, text = datetime.fromtimestamp(milliseconds / 1000, UTC), clean(message).rstrip("\n")
        if self._in_key:
            self._in_key = _KEY_ENDS not in text
            return Line(at, MASK)
        self._in_key = bool(_KEY_BEGINS.search(text)) and _KEY_ENDS not in text
        return Line(at, mask(text, self._secrets))


def secrets_of_runs(account: "Account", arns: Iterable[str], schedule: "Schedule | None") -> list[str]:
    """The values in the overrides of a job's tasks that are masked: of those that ECS knows, which it forgets an hour
    after their end; for the others as the job's schedule, whole, has them now.
    """
    from rota.runs import tasks
    from rota.schedules import backend

    known = tasks.described(account.client("ecs"), account.stack, arns)
    start = backend.start_of(backend.schedule_of_shown(schedule), account.now()) if schedule else None
    return [*(value for each in known for value in secrets_in(each)), *secrets_of_start(start)]


class TaskLog:
    """What a task logs in the container of jobs. `revision` is the ARN of its task definition; `secrets`: values that
    are masked beside those of the revision. It is read either forward, by `news`, or from its end, by `last`: each
    continues with the token of the page before.
    """

    def __init__(self, account: "Account", task_arn: str, revision: str, secrets: Iterable[str] = ()) -> None:
        name = account.stack.container
        described = account.client("ecs").describe_task_definition(taskDefinition=revision)["taskDefinition"]
        container = container_of(described, name)
        self.task_arn = task_arn
        self._place = log_place_of(container, name, task_arn)
        self._logs = account.client("logs")
        self._secrets = [*secrets_of(container), *secrets]
        self._masked = Masked(self._secrets)
        self._token = ""
        self._is_behind = False

    @property
    def why_not(self) -> str:
        """Why its log cannot be read; empty if it can."""
        if self._place is None:
            return "its task definition has no log configuration"
        if self._place.driver != "awslogs":
            return f"it logs by {self._place.driver}"
        return "" if self._place.stream else "its log has no awslogs-stream-prefix, so its stream is not known"

    def note(self, lines: list[Line]) -> str:
        """What to say beside these lines, the first news; empty if they are all."""
        if self._is_behind:
            return "The rest could not be read just now." if lines else "It could not be read just now."
        return self.why_not or ("" if lines else "It has logged nothing.")

    def news(self) -> list[Line]:
        """The lines since the last look; what AWS does not answer in this moment is read by the next one."""
        lines: list[Line] = []
        if self.why_not or self._place is None:
            return lines
        while True:
            try:
                page = self._page(self._place.group, self._place.stream)
            except Exception as error:
                self._is_behind = is_passing(error)
                if self._is_behind:
                    return lines
                raise
            self._is_behind = False
            lines += [self._masked.line(each["timestamp"], each["message"]) for each in page["events"]]
            # Pages may be empty although more follow; the last one has the token with which it was asked for.
            if page["nextForwardToken"] == self._token:
                return lines
            self._token = page["nextForwardToken"]

    def last(self, most: int) -> list[str]:
        """The last lines of one that has ended, masked as one text: a key may begin before the first of them."""
        lines: list[str] = []
        if self.why_not or self._place is None:
            return lines
        for _ in range(_MOST_PAGES):  # one may be empty although more follow
            page = self._page(self._place.group, self._place.stream, limit=most, startFromHead=False)
            text = "\n".join(each["message"].rstrip("\n") for each in page["events"])
            lines = mask(clean(text), self._secrets).splitlines()[-most:]
            if lines or page.get("nextBackwardToken", "") == self._token:
                break
            self._token = page["nextBackwardToken"]
        return lines

    def _page(self, group: str, stream: str, **more: Any) -> Any:
        following = {"startFromHead": True, **more, **({"nextToken": self._token} if self._token else {})}
        try:
            return self._logs.get_log_events(logGroupName=group, logStreamName=stream, **following)
        except self._logs.exceptions.ResourceNotFoundException:  # nothing was logged yet
            return {"events": [], "nextForwardToken": self._token}
