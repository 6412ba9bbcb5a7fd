"""Learning what is live: the schedule file's jobs, and the release with which their runs begin.

A deployment writes nothing of it, however many tasks it has: what is live is in the item of the releases, and Sweep
reads the rest within a minute.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rota.aws import clients
from rota.aws.parallel import in_parallel
from rota.contract.deployment import Stored
from rota.deployment import artifacts
from rota.deployment.releases import Live
from rota.errors import ConfigError
from rota.log import logger
from rota.pauses.model import Pause, noted
from rota.runs.jobs_of_a_file import Paused, changed_jobs
from rota.runs.missed import FIRES_WITHIN
from rota.runs.model import MOST_RELEASES, Job, Release, Swept
from rota.schedule_file.parse import ANY_NUMBER, parse_schedule_file

if TYPE_CHECKING:
    from rota.runs.table import RunTable
    from rota.schedule_file.task import Task
    from rota.settings import Settings


def learn(
    table: "RunTable",
    settings: "Settings",
    swept: Swept,
    jobs: Mapping[str, Job],
    live: Live,
    now: datetime,
    pauses: Mapping[str, Pause],
) -> tuple[Swept, dict[str, Job]]:
    """Write the live release, and the jobs as the live schedule file has them. Returns what is swept, and the jobs."""
    schedule = Stored(key=live.live_schedule_key, version_id=live.live_schedule_version)
    changed: list[Job] = []
    tasks = _tasks(settings, schedule)
    if tasks is not None and live.live_since:
        changed = changed_jobs(jobs, tasks, live.live_changing_since or live.live_since, now, _paused(swept, pauses))
        in_parallel(table.put_settings, changed)
    release = Release(
        number=live.number,
        tag=live.live_tag,
        digest=live.live_digest,
        schedule=schedule,
        base=_base(settings, live),
        since=live.live_since,
    )
    # Another file of the same release takes the place of the one before.
    before = [each for each in table.releases() if each.number != release.number or each.digest != release.digest]
    table.put_releases((*before, release)[-MOST_RELEASES:])
    return (
        swept.model_copy(update={"live_since": live.live_since, "paused": noted(pauses)}),
        {**jobs, **{job.task: job for job in changed}},
    )


def _paused(swept: Swept, pauses: Mapping[str, Pause]) -> Paused:
    """EventBridge may start what was due in the minute before a pause, or not any more."""
    since = {task: pause.since - FIRES_WITHIN for task, pause in pauses.items()}
    over = {
        task: since[task]
        for task, pause in pauses.items()
        if not pause.is_off and not swept.paused.get(task, "").startswith(pause.since.isoformat())
    }
    return Paused({task: since[task] for task, pause in pauses.items() if pause.is_off}, over)


def _tasks(settings: "Settings", schedule: Stored) -> "tuple[Task, ...] | None":
    """The tasks of the live schedule file; None if it cannot be read any more."""
    try:
        raw = artifacts.read_bytes(clients.s3(), settings.bucket, schedule)
        return parse_schedule_file(raw, rule_prefix=settings.rule_prefix, max_tasks=ANY_NUMBER)
    except ClientError as error:
        if not artifacts.is_gone(error):
            raise
        logger.exception("the live schedule file was deleted; the known jobs are kept")
    except ConfigError:
        logger.exception("the live schedule file is not valid for this version of Rota; the known jobs are kept")
    return None


def _base(settings: "Settings", live: Live) -> str:
    """The ARN of the revision of another that was taken over; empty if none was, or it cannot be read any more."""
    if live.live_plan is None:
        return ""
    try:
        plan = json.loads(artifacts.read_bytes(clients.s3(), settings.bucket, live.live_plan))
    except ClientError as error:
        if not artifacts.is_gone(error):
            raise
        return ""
    base = str(plan.get("base", {}).get("arn", ""))
    # What the service ran before is a base as well, and changes with each deployment.
    return base if base != plan.get("service_runs") else ""
