"""The commands of docs/first-account.md, from an empty shell to the first push, typed into a shell."""

import json
import shutil
from pathlib import Path

import pytest

from examples.guestbook.client import Client
from rota.cli.verify_account.rows.catalogue import ROWS
from tests.printed import FIRST_ACCOUNT, ROOT, blocks, signed_in, typed, with_the_aws_cli
from tests.stage.scenarios import NEXT
from tests.stage.test_runbook import variables


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory with what the Makefile needs of Rota's own."""
    for name in ("Makefile", "layers", "requirements", ".venv", "pyproject.toml"):
        tmp_path.joinpath(name).symlink_to(ROOT / name)
    tmp_path.joinpath("scheduled_tasks.json").write_text(json.dumps(NEXT))
    return tmp_path


def in_checkout(stage: Client, checkout: Path, *lines: str) -> str:
    ran = typed(*lines, cwd=checkout, PYTHONPATH=str(ROOT / "layers/rota"), **signed_in(stage))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.exhaustive(first=0)
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on PATH")
def test_the_account_is_looked_at_first(stage: Client, checkout: Path) -> None:
    verify, tasks, clean = (block.strip() for block in blocks(FIRST_ACCOUNT, "1. See what only your account can show"))
    free = sum(row.group == "free" for row in ROWS)
    assert f"{free} as assumed, 0 not tried, 0 otherwise" in in_checkout(stage, checkout, f"{verify} YES=1")
    assert (tasks.partition(" ")[0], clean) == ("make", f"{verify} CLEAN=RUN")
    left = typed(clean, cwd=checkout, PYTHONPATH=str(ROOT / "layers/rota"), **signed_in(stage))
    assert "there is no journal .rota-verify/RUN.jsonl; there are none" in left.stderr


@with_the_aws_cli[0]
@with_the_aws_cli[1]
def test_from_a_schedule_file_to_the_first_push(stage: Client, checkout: Path) -> None:
    breaker, check = blocks(FIRST_ACCOUNT, "2. Make the app ready")
    assert in_checkout(stage, checkout, breaker.replace("CLUSTER", "production").replace("SERVICE", "guestbook-api"))
    assert in_checkout(stage, checkout, check).startswith("OK: ")
    names = variables(stage.endpoint)
    upload, look = blocks(FIRST_ACCOUNT, "4. Look at the plan")
    execution = in_checkout(stage, checkout, names, "TAG=initial", upload, "echo $EXECUTION").splitlines()[-1]
    assert ended(stage, execution) == "SUCCEEDED"
    seen = in_checkout(stage, checkout, names, f"EXECUTION={execution}", look)
    assert '"tasks"' in seen
    push, follow = blocks(FIRST_ACCOUNT, "5. Push")
    assert in_checkout(stage, checkout, names, "TAG=initial", push).strip() == "release-1"
    assert ended(stage, stage.executions()[0]) == "SUCCEEDED"
    followed = in_checkout(stage, checkout, names, follow)
    assert "SUCCEEDED" in followed
    assert "release-1" in followed


def ended(stage: Client, execution: str) -> str:
    """How an execution has ended, with its cause."""
    described = stage.wait(execution)
    return f"{described['status']}{described.get('cause', '')}"
