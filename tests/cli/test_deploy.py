"""What `rota deploy` deploys, and under which key it uploads a schedule file."""

import json
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from rota.cli.deploy import command, upload
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account
from rota.cli.output import Output
from rota.cli.releases import Image
from rota.cli.stack import Stack
from tests.cli.test_releases import DIGESTS

AT = "arn:aws:states:eu-west-1:111122223333"
OUTPUTS = {
    "StateMachineArn": f"{AT}:stateMachine:rota-deploy",
    "LedgerTableName": "table",
    "RulePrefix": "shop__",
    "BucketName": "bucket",
    "ScheduleFileKeys": "jobs/{tag}.json,jobs.json",
}
PARAMETERS = {"ClusterName": "prod", "ServiceName": "shop", "RepositoryName": "shop"}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "a")
    made = Account(Output(), region="eu-west-1")
    made.__dict__["stack"] = Stack("rota", "arn", "", PARAMETERS, dict(OUTPUTS))
    return made


def push(**detail: str) -> dict[str, Any]:
    return {"source": "aws.ecr", "detail": {"repository-name": "shop", "image-digest": DIGESTS["a1"], **detail}}


NO_IMAGE = (Exit.MISUSED, "run-1 was not started with an image")
AGAIN: dict[str, tuple[Any, Any]] = {
    "a push": (push(**{"image-tag": "v2"}), (push(**{"image-tag": "v2"}), "v2")),
    "a push without a tag": (push(), (push(), DIGESTS["a1"])),
    "by a person": (
        {**push(), "by": "user/ana", "reason": "x", "now": True, "kind": "again", "schedule_version": "1"},
        (push(), DIGESTS["a1"]),
    ),
    "a dry run": ({**push(), "dry_run": True}, (push(), DIGESTS["a1"])),
    "a rollback": ({"kind": "rollback", "release": "v1"}, NO_IMAGE),
    "a restore": ({"detail": {"executionArn": f"{AT}:execution:rota-deploy:push-1"}}, NO_IMAGE),
    "a text": ({"detail": "image-digest"}, NO_IMAGE),
    "a list": ([], NO_IMAGE),
}


@pytest.mark.parametrize(("given", "found"), AGAIN.values(), ids=AGAIN)
def test_what_an_earlier_execution_has_deployed(
    account: Account, monkeypatch: pytest.MonkeyPatch, given: Any, found: Any
) -> None:
    def answer(_: BaseClient, __: str, request: dict[str, Any]) -> dict[str, Any]:
        name = request["executionArn"].removeprefix(f"{AT}:execution:rota-deploy:")
        return {"name": name, "input": json.dumps(given)}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    read: Any
    try:
        read = command._again(account, account.table, "run-1")
    except CommandError as error:
        read = error.code, error.message
    assert read == found


def with_another_stack(live: dict[str, str], tags: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS answers of a stack `staging` in which that is live, and of its image in this one's repository."""
    outputs = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()]
    at = "arn:aws:cloudformation:eu-west-1:111122223333:stack/staging/1"
    staging = {"StackName": "staging", "StackId": at, "StackStatus": "CREATE_COMPLETE"}
    answers = {
        "DescribeStacks": {"Stacks": [{**staging, "Outputs": outputs, "Parameters": parameters}]},
        "Query": {"Items": [{key: {"S": value} for key, value in live.items()}] if live else []},
        "DescribeImages": {"imageDetails": [{"imageDigest": DIGESTS["a1"], "imageTags": tags}]},
    }
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda _, operation, __: answers[operation])


@pytest.mark.parametrize(
    ("live_tag", "tags", "tag"),
    [("v2", ["v2-moved"], "v2"), ("", ["v1"], "v1"), ("", [], None)],
    ids=["as it went live there", "as it is here", "none"],
)
def test_what_is_live_in_the_other_stack(
    account: Account, monkeypatch: pytest.MonkeyPatch, live_tag: str, tags: list[str], tag: str | None
) -> None:
    live = {"record": "releases", "live_digest": DIGESTS["a1"], **({"live_tag": live_tag} if live_tag else {})}
    with_another_stack(live, tags, monkeypatch)
    assert command._live_image_of(account, "staging") == Image(DIGESTS["a1"], tag)


def test_nothing_is_live_in_the_other_stack(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    with_another_stack({}, [], monkeypatch)
    with pytest.raises(CommandError) as refused:
        command._live_image_of(account, "staging")
    error = refused.value
    assert (error.code, error.error, error.todo) == (Exit.NOT_ALLOWED, "NoRelease", "deploy there first")
    assert error.message == "nothing is live in prod/shop (staging, eu-west-1, 111122223333)"


HOLDER = f"{AT}:execution:rota-deploy:push-1"


@pytest.mark.parametrize(
    ("lease", "status", "running"),
    [
        ({"digest": DIGESTS["a1"], "holder": HOLDER}, "RUNNING", HOLDER),
        ({"digest": DIGESTS["a1"], "holder": HOLDER}, "FAILED", None),
        ({"digest": DIGESTS["b2"], "holder": HOLDER}, "RUNNING", None),
        ({"digest": DIGESTS["a1"]}, "RUNNING", None),
        ({}, "RUNNING", None),
    ],
    ids=["it deploys", "it has ended", "another image deploys", "nothing deploys", "nothing was deployed"],
)
def test_whether_the_image_deploys_already(
    account: Account, monkeypatch: pytest.MonkeyPatch, lease: dict[str, str], status: str, running: str | None
) -> None:
    def answer(_: BaseClient, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        assert (operation, request) == ("DescribeExecution", {"executionArn": HOLDER})
        return {"status": status}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    assert command._running(account, lease, push()) == running


@pytest.mark.parametrize(
    ("live", "said"),
    [
        (None, ""),
        ({"live_digest": DIGESTS["a1"]}, ""),
        (
            {"live_digest": DIGESTS["b2"], "live_tag": "v2"},
            "v1 is not the live image, which is v2. To deploy that again: rota deploy --image b2b2b2b2b2b2 "
            "--region eu-west-1\n",
        ),
    ],
    ids=["nothing is live", "it is live", "another one is"],
)
def test_another_image_than_the_live_one_is_said(
    account: Account, capsys: pytest.CaptureFixture[str], live: dict[str, str] | None, said: str
) -> None:
    command._remark(account, live, push(), "v1")
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("tag", "there", "key"),
    [
        ("v2", {"jobs/v2.json", "jobs.json"}, "jobs/v2.json"),
        ("v2", {"jobs.json"}, "jobs.json"),
        ("v2", set(), "jobs/v2.json"),
        (None, set(), "jobs.json"),
    ],
    ids=["both are there", "the second is", "none is", "no tag"],
)
def test_a_file_is_uploaded_as_what_the_deployment_reads(
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tag: str | None,
    there: set[str],
    key: str,
) -> None:
    def answer(_: BaseClient, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if request["Key"] not in there:
            raise ClientError({"Error": {"Code": "404"}}, operation)
        return {"VersionId": "1"}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    (tmp_path / "jobs.json").write_text('{"tasks": []}')
    found = upload.prepare(account, str(tmp_path / "jobs.json"), Image(DIGESTS["a1"], tag))
    assert (found.key, json.loads(found.content)) == (key, {"tasks": []})


def test_a_file_is_read_from_standard_input(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *_: {"VersionId": "1"})
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b'{"tasks": []}')))
    found = upload.prepare(account, "-", Image(DIGESTS["a1"], "v2"))
    assert (found.name, json.loads(found.content)) == ("standard input", {"tasks": []})


def test_an_image_without_a_tag_may_have_no_key(account: Account) -> None:
    account.stack.outputs["ScheduleFileKeys"] = "jobs/{tag}.json"  # type: ignore[index]
    with pytest.raises(CommandError, match="each of the ScheduleKeys has a tag, and ") as refused:
        upload.prepare(account, "jobs.json", Image(DIGESTS["a1"], None))
    assert refused.value.code is Exit.MISUSED


STAYS = "jobs.json stays in the bucket, and the next push reads it. "
LIVE = {"live_schedule_key": "jobs.json", "live_schedule_version": "v 1"}
PUT_BACK = (
    "To put the live one back: aws s3api copy-object --bucket bucket --key jobs.json "
    "--copy-source 'bucket/jobs.json?versionId=v 1'"
)
REMOVE = "To remove it: aws s3 rm s3://bucket/jobs.json"


@pytest.mark.parametrize(
    ("live", "undo"),
    [(LIVE, PUT_BACK), (LIVE | {"live_schedule_key": "other.json"}, REMOVE), (None, REMOVE)],
    ids=["of the same key", "of another key", "nothing is live"],
)
def test_how_to_undo_an_upload(live: dict[str, str] | None, undo: str) -> None:
    assert upload.Upload("jobs.json", "jobs.json", b"").stays("bucket", live) == STAYS + undo


@pytest.mark.parametrize(
    ("code", "uploads", "todo"),
    [
        (Exit.FAILED, True, f"see why\n{STAYS}{REMOVE}"),
        (Exit.FAILED, False, "see why"),
        (Exit.HALF_DONE, True, "see why"),
        (Exit.TIMED_OUT, True, "see why"),
    ],
    ids=["failed", "nothing was uploaded", "half done", "it continues"],
)
def test_a_failed_deployment_says_that_its_file_stays(
    account: Account, monkeypatch: pytest.MonkeyPatch, code: Exit, uploads: bool, todo: str
) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *_: {"Items": []})
    uploaded = upload.Upload("jobs.json", "jobs.json", b"") if uploads else None
    with pytest.raises(CommandError) as failed, upload.saying_what_stays(account, uploaded):
        raise CommandError(code, "it ended", "see why")
    assert failed.value.todo == todo
