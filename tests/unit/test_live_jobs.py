"""What Sweep learns of a deployment: the jobs of the live file, and the release with which their runs begin."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from rota.aws import clients
from rota.contract.deployment import Stored
from rota.deployment.releases import Live
from rota.pauses.model import Pause
from rota.runs.live_jobs import learn
from rota.runs.model import Job, Release, Span, Swept
from tests.guestbook import DIGEST, SETTINGS, arn
from tests.log_lines import logged
from tests.run_tables import table_with
from tests.stubs import asked

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SINCE = NOW - 5 * MINUTE
LIVE = Live(
    number=2,
    live_digest=DIGEST,
    live_tag="5d0c6a1",
    live_schedule_key="tasks.json",
    live_schedule_version="Kp2",
    live_since=SINCE,
    live_watched=True,
)
PLANNED = LIVE.model_copy(update={"live_plan": Stored(key="plan.json", version_id="P1")})
OF_FILE = {"Bucket": SETTINGS.bucket, "Key": "tasks.json", "VersionId": "Kp2"}
OF_PLAN = {"Bucket": SETTINGS.bucket, "Key": "plan.json", "VersionId": "P1"}
FILE = json.dumps({"tasks": [{"name": "IngestData", "task": "ingest", "cron": "0 6 * * ? *"}]})
SPAN = Span(expression="cron(0 6 * * ? *)", since=NOW)
JOB = Job(task="IngestData", spans=(SPAN,), retry_age=21_600, grace=300)
RELEASE = Release(
    number=2, tag="5d0c6a1", digest=DIGEST, schedule=Stored(key="tasks.json", version_id="Kp2"), since=SINCE
)


@pytest.fixture
def s3(new_clients: None) -> Iterator[Stubber]:
    with asked(clients.s3()) as stub:
        yield stub


def holds(s3: Stubber, request: dict[str, str], content: str) -> None:
    s3.add_response("get_object", {"Body": io.BytesIO(content.encode())}, request)


def learned(*jobs: Job, live: Live = LIVE, releases: Any = (), **pauses: Pause) -> tuple[Swept, Any, Any, Any]:
    """What is swept, the jobs, and what the table has then: its jobs and its releases."""
    table = table_with(*jobs)
    table.put_releases(releases)
    known = {job.task: job for job in jobs}
    swept, found = learn(table, SETTINGS, Swept(at=NOW), known, live, NOW, pauses)
    return swept, found, table.jobs(), table.releases()


def test_the_jobs_of_the_live_file_are_written(s3: Stubber) -> None:
    holds(s3, OF_FILE, FILE)
    old = Job(task="SendMail", spans=(SPAN.model_copy(update={"since": NOW - 60 * MINUTE}),), retry_age=60, grace=300)
    swept, jobs, written, releases = learned(old)
    ended = old.model_copy(update={"spans": (old.spans[0].model_copy(update={"until": SINCE}),)})
    assert jobs == written == {"IngestData": JOB, "SendMail": ended}
    assert releases == (RELEASE,)
    assert swept == Swept(at=NOW, live_since=SINCE)
    holds(s3, OF_FILE, FILE)
    changing = LIVE.model_copy(update={"live_changing_since": SINCE - MINUTE})
    _, jobs, _, _ = learned(old, live=changing)
    assert jobs["SendMail"].spans[0].until == SINCE - MINUTE


DELETED = "the live schedule file was deleted; the known jobs are kept"
INVALID = "the live schedule file is not valid for this version of Rota; the known jobs are kept"


@pytest.mark.parametrize(
    ("content", "line"),
    [(None, DELETED), ("{", INVALID), (json.dumps({"tasks": [{"name": "A"}]}), INVALID)],
    ids=["gone", "no JSON", "wrong"],
)
def test_without_a_file_that_can_be_read_the_jobs_stay(
    s3: Stubber, content: str | None, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    if content is None:
        s3.add_client_error("get_object", "NoSuchVersion", expected_params=OF_FILE)
    else:
        holds(s3, OF_FILE, content)
    swept, jobs, _, releases = learned(JOB)
    assert jobs == {"IngestData": JOB}
    assert (swept.live_since, releases) == (SINCE, (RELEASE,))
    assert logged(caplog) == [("ERROR", line, {})]


def test_what_s3_refuses_is_an_error(s3: Stubber) -> None:
    s3.add_client_error("get_object", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        learned()
    holds(s3, OF_FILE, FILE)
    s3.add_client_error("get_object", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        learned(live=PLANNED)


@pytest.mark.parametrize(
    ("plan", "base"),
    [
        ({"base": {"arn": arn(7)}, "service_runs": arn(6)}, arn(7)),
        ({"base": {"arn": arn(6)}, "service_runs": arn(6)}, ""),
        ({}, ""),
        (None, ""),
    ],
    ids=["another's", "what the service ran", "an older plan", "gone"],
)
def test_a_revision_that_was_taken_over_is_the_releases_base(
    s3: Stubber, plan: dict[str, Any] | None, base: str
) -> None:
    holds(s3, OF_FILE, FILE)
    if plan is None:
        s3.add_client_error("get_object", "NoSuchKey", expected_params=OF_PLAN)
    else:
        holds(s3, OF_PLAN, json.dumps(plan))
    *_, releases = learned(live=PLANNED)
    assert releases == (RELEASE.model_copy(update={"base": base}),)


def test_twenty_releases_are_known(s3: Stubber) -> None:
    before = [Release(number=number, digest=f"sha256:{number}") for number in range(-18, 2)]
    same = RELEASE.model_copy(update={"schedule": None})
    renumbered = RELEASE.model_copy(update={"number": 1})
    for known, expected in (
        (before, (*before[1:], RELEASE)),
        ([before[0], same], (before[0], RELEASE)),
        ([renumbered], (renumbered, RELEASE)),
        (
            [RELEASE.model_copy(update={"digest": "sha256:2"})],
            (RELEASE.model_copy(update={"digest": "sha256:2"}), RELEASE),
        ),
    ):
        holds(s3, OF_FILE, FILE)
        assert learned(releases=known)[3] == expected


def test_a_pause_is_known_from_the_minute_before_it(s3: Stubber) -> None:
    old = JOB.model_copy(update={"spans": (SPAN.model_copy(update={"since": NOW - 60 * MINUTE}),)})
    paused = Pause(task="IngestData", since=NOW - 3 * MINUTE, execution="arn")
    holds(s3, OF_FILE, FILE)
    swept, jobs, _, _ = learned(old, IngestData=paused)
    assert jobs["IngestData"].spans == (old.spans[0].model_copy(update={"until": NOW - 4 * MINUTE}),)
    assert swept.paused == {"IngestData": "2026-03-01T11:57:00+00:00 off"}
    over = paused.model_copy(update={"ended_at": NOW - 2 * MINUTE, "settled_at": NOW - 2 * MINUTE})
    holds(s3, OF_FILE, FILE)
    _, jobs, _, _ = learned(old, IngestData=over)
    assert jobs["IngestData"].spans == (old.spans[0].model_copy(update={"until": NOW - 4 * MINUTE}), SPAN)


def test_a_pause_that_was_known_leaves_no_second_gap(s3: Stubber) -> None:
    since = NOW - 30 * MINUTE
    over = Pause(
        task="IngestData", since=since, execution="arn", ended_at=since + 5 * MINUTE, settled_at=since + 5 * MINUTE
    )
    resumed = JOB.model_copy(update={"spans": (SPAN.model_copy(update={"since": NOW - 20 * MINUTE}),)})
    table = table_with(resumed)
    known = Swept(at=NOW, paused={"IngestData": f"{since.isoformat()} off"})
    holds(s3, OF_FILE, FILE)
    swept, jobs = learn(table, SETTINGS, known, {"IngestData": resumed}, LIVE, NOW, {"IngestData": over})
    assert jobs == {"IngestData": resumed}
    assert swept.paused == {"IngestData": f"{since.isoformat()} on"}
