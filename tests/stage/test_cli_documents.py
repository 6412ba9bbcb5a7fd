"""What docs/cli.md shows of the command is what it prints."""

import re
import shlex

from examples.guestbook.client import Client
from tests.printed import ROOT
from tests.stage.conftest import Rota

# What differs between runs: times, durations, the order of registered revisions, ids.
VARIES = re.compile(
    r"\d+ (s|min) ago|just now|\d+(\.\d+)? (s|min)\b|(in|about in) \d+ (s|min)|\b\d\d:\d\d(:\d\d)?\b|guestbook:\d+\b"
    r"|rota-EventsRole-\w+|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b(\s+\d+\s+\w{3}\b)?|tomorrow"
)
EXAMPLE = re.compile(r"^```\n\$ rota (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def words_of(text: str) -> list[str]:
    """The words, however they are folded."""
    return VARIES.sub("", text).split()


def test_each_example_is_what_is_printed(stage: Client, rota: Rota) -> None:
    stage.deploy("4f2a9c1")
    stage.upload_schedule((ROOT / "examples/app/scheduled_tasks.next.json").read_bytes())
    examples = EXAMPLE.findall((ROOT / "docs/cli.md").read_text())
    assert len(examples) == 6
    for line, shown in examples:
        done = rota(*shlex.split(line))
        assert done.exit == 0, done.err
        words = words_of(shown)  # of a long answer the beginning is shown
        assert words_of(done.out)[: len(words)] == words, line
