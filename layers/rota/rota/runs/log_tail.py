"""The last lines that a run logged, read when a message is about to show them: no line of an app's log is kept."""

from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.ecs.task_definitions import read_revision
from rota.log import logger
from rota.runs import tasks
from rota.runs.log_place import container_of, log_place_of, may_be_read, secrets_in, secrets_of, secrets_of_start
from rota.runs.model import LogPlace, Run
from rota.sanitise import clean, mask

if TYPE_CHECKING:
    from rota.settings import Settings

# A page of a log may be empty although more follow:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
_MOST_PAGES = 5


def with_log(run: Run, settings: "Settings", *, lines: int) -> Run:
    """The run with where it logs and, of a log that may be read, so many last lines, masked.

    No message is held up for a log: what AWS refuses is left out, and Rota's own log says so.
    """
    if not (run.revision and run.task_arn):
        return run
    try:
        container = container_of(read_revision(clients.ecs(), run.revision).content, settings.container)
    except AWS_ERRORS:
        logger.exception("a run's log configuration could not be read", task=run.task)
        return run
    run = run.model_copy(update={"log": log_place_of(container, settings.container, run.task_arn)})
    if not (lines and run.log and may_be_read(run.log, run, settings.job_log_groups)):
        return run
    try:
        secrets = [*secrets_of(container), *_overridden(run, settings)]
        text = mask(clean("\n".join(_last(run.log, lines))), secrets)
    except AWS_ERRORS:
        logger.exception("a run's log could not be read", task=run.task)
        return run
    return run.model_copy(update={"tail": tuple(text.splitlines())})


def _overridden(run: Run, settings: "Settings") -> list[str]:
    """The values that the task's overrides have and that are masked. An hour after its end ECS has forgotten them; then
    as the job's schedule has them now.
    """
    if found := tasks.described(clients.ecs(), settings, [run.task_arn]):
        return secrets_in(found[0])
    from rota.schedules import backend  # noqa: PLC0415  here, because reminders alone need it

    schedule = backend.connect(settings).read(settings.rule_prefix + run.task)
    return secrets_of_start(backend.start_of(schedule, run.scheduled_at) if schedule else None)


def _last(place: LogPlace, lines: int) -> list[str]:
    """The last lines of a stream; none if it is not there, because nothing was logged."""
    logs, token = clients.logs(), ""
    for _ in range(_MOST_PAGES):
        following = {"nextToken": token} if token else {}
        try:
            page = logs.get_log_events(
                logGroupName=place.group,
                logStreamName=place.stream,
                limit=lines,
                startFromHead=False,
                **following,  # type: ignore[arg-type]  # the stubs want each argument separately
            )
        except logs.exceptions.ResourceNotFoundException:
            return []
        if page["events"] or page["nextBackwardToken"] == token:
            return [each["message"] for each in page["events"]]
        token = page["nextBackwardToken"]
    return []
