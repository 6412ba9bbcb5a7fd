"""A board that a real browser opens: `rota board` as a process, and the Chromium of this machine."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
MISSING = "there is no Chromium: install it (Debian: apt-get install chromium), or name one with CHROMIUM=..."


@contextmanager
def board(endpoint: str, *options: str) -> Iterator[str]:
    """Serves the board of the stage at that endpoint. Yields the address that opens it."""
    own = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "user",
        "AWS_SECRET_ACCESS_KEY": "user",
        "AWS_REGION": "us-east-1",
    }
    command = [sys.executable, "-m", "rota", "board", "--no-open", "--json", *options]
    with subprocess.Popen(command, env=os.environ | own, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield str(json.loads(_document(process))["address"])
        finally:
            process.terminate()  # a shell's background jobs hear no SIGINT


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser, without a window."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  make test-board alone has it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def _document(process: Any) -> str:
    """The first document that it prints."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            return "".join(lines)
    raise RuntimeError(f"rota board ended: {process.wait()}")
