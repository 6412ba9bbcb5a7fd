"""`python -m tests.browser.picture FOLDER`: the pictures of the board in the README, light and dark, of a played day.

Its app has eight jobs. After a day and a half, in which two releases went live, one job fails since the second, and a
third release is being deployed.
"""

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from examples.guestbook.client import Client, running
from stage.client import wait_for
from tests.browser.served import CHROMIUM, MISSING, board, chromium
from tests.processes import FORKS

_HOUR = 3600
_WIDTH, _HEIGHT = 1360, 1130
_ANA, _BEN = "assumed-role/developer/ana", "assumed-role/developer/ben"
_FILE: dict[str, Any] = {
    "tasks": [
        {"name": "BillCustomers", "task": "bill", "cron": "0 1,13 * * ? *"},
        {"name": "IngestData", "task": "data_ingestion_task", "cron": "0 6 * * ? *"},
        {"name": "RemoveSpam", "task": "spam_task", "rate": "5 minutes"},
        {"name": "ReportTaxes", "task": "taxes", "cron": "0 3 * * ? *"},
        {"name": "SendDigest", "task": "digest", "cron": "30 7 ? * MON-FRI *", "timezone": "Europe/Berlin"},
        {"name": "SyncStock", "task": "stock", "cron": "15 * * * ? *"},
        {"name": "WarmCache", "task": "warm", "cron": "0/30 * * * ? *"},
    ]
}
_STEADY = {"seconds": 45, "spread": 0.8, "seed": 4}


def main() -> int:
    """Returns the exit status: 1 without a browser."""
    if not CHROMIUM:
        sys.stderr.write(f"{MISSING}\n")
        return 1
    folder = Path(sys.argv[1])
    with running(*FORKS) as stage:
        _play(stage)
        with board(stage.endpoint, "--utc") as address, chromium() as browser:
            stage.settings(time_scale=1.0, rollout_seconds=40)
            stage.push("e5a1f00")
            page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
            page.goto(address)
            page.locator(".rollout progress[value='1']").wait_for(timeout=60_000)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=folder / f"board-{scheme}.png")
    return 0


def _play(stage: Client) -> None:
    stage.settings(time_scale=0.02, rollout_seconds=0.1, tasks="scripted", script=_STEADY)
    stage.upload_schedule(_FILE)
    first = stage.deploy("4f2a9c1")["output"]["turn"]["image"]["digest"]
    _pass(stage, 15)
    _FILE["tasks"].append({"name": "PurgeCarts", "task": "purge", "cron": "40 4 * * ? *"})
    stage.upload_schedule(_FILE)
    stage.deploy("b81d07e")
    _pass(stage, 7)
    pause = {"tasks": ["ReportTaxes"], "until": f"{_days_later(stage, 3)}T06:00:00Z"}
    stage.wait(stage.start({"kind": "pause", "by": _BEN, "reason": "the office is closed", "pause": pause}))
    image = {"repository-name": stage.names["repository"], "image-digest": first, "image-tag": "4f2a9c1"}
    again = {"kind": "image", "by": _ANA, "reason": "the old prices are back", "detail": image}
    stage.wait(stage.start(again))
    _pass(stage, 3)
    stage.settings(script={**_STEADY, "fails": 1.0, "exit_code": 3})
    _until(stage, minute=31)
    stage.settings(script=_STEADY)
    _pass(stage, 0.2)


def _pass(stage: Client, hours: float) -> None:
    stage.settings(fire_schedules=True)
    for _ in range(max(1, round(hours))):
        stage.advance(min(hours, 1) * _HOUR)
    stage.settings(fire_schedules=False)
    wait_for(lambda: not stage.invocations(), 60)


def _until(stage: Client, minute: int) -> None:
    """From just before that half hour until just after it: one job is due."""
    at = int(stage.clock()[14:16])
    stage.settings(fire_schedules=False)
    stage.advance((minute - 2 - at) % 60 * 60)
    _pass(stage, 0.05)


def _days_later(stage: Client, days: int) -> str:
    return f"{datetime.fromisoformat(stage.clock()) + timedelta(days=days):%Y-%m-%d}"


if __name__ == "__main__":
    begun = time.monotonic()
    status = main()
    sys.stderr.write(f"That took {time.monotonic() - begun:.0f} s.\n")
    sys.exit(status)
