"""The tasks, and the data that they share with the API."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from app.guestbook import Note, open_guestbook
from app.main import app
from app.spam import judge
from app.tasks import data_ingestion_task, digest_task, migrate, smoke_test, spam_task, teaspoon_task

POSTCARDS = len(data_ingestion_task.POSTCARDS.read_text(encoding="utf-8").splitlines())
RUNS_PER_ROUND = POSTCARDS // data_ingestion_task.BATCH


def test_each_ingestion_brings_new_postcards_until_they_repeat() -> None:
    for _ in range(RUNS_PER_ROUND):
        data_ingestion_task.run()
    round_of_messages = [entry.message for entry in open_guestbook().entries()]
    assert len(set(round_of_messages)) == POSTCARDS

    data_ingestion_task.run()
    newest = [entry.message for entry in open_guestbook().entries(data_ingestion_task.BATCH)]
    assert newest == round_of_messages[-data_ingestion_task.BATCH :]


def test_many_postmen_at_once_never_deliver_the_same_postcard() -> None:
    postbag = [Note(name="Room 2", message=f"Day {day}.") for day in range(200)]
    book = open_guestbook()
    with ThreadPoolExecutor(8) as postmen:  # each call has a connection of its own, as each process would
        delivered = list(postmen.map(lambda _: book.receive(postbag, 2), range(100)))

    assert len({entry.message for batch in delivered for entry in batch}) == len(postbag)


def test_the_spam_task_removes_what_the_api_would_refuse(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(RUNS_PER_ROUND):
        data_ingestion_task.run()
    capsys.readouterr()
    spam_task.run()

    printed = capsys.readouterr().out
    assert "The Tinned Goods Board" in printed
    assert "removed 4 " in printed
    names = {entry.name for entry in open_guestbook().entries()}
    assert len(names) == POSTCARDS - 4
    assert "Room 4" in names  # who mentions spam once, over breakfast
    assert TestClient(app).get("/").json()["spam_removed"] == 4


def test_a_second_spam_run_has_nothing_left_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    data_ingestion_task.run()
    spam_task.run()
    capsys.readouterr()
    spam_task.run()
    assert "removed 0 " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("message", "score"),
    [
        pytest.param("A very nice stay.", 0, id="a guest"),
        pytest.param("Photographs: https://pier.example", 2, id="one link is no crime"),
        pytest.param("THE SEA IS LOUD, AND SO AM I", 2, id="nor is shouting"),
        pytest.param("THE SEA IS FREE https://pier.example", 5, id="both and money"),
        pytest.param("Spam, egg and spam.", 0, id="breakfast"),
        pytest.param("Spam, spam, spam!!!", 3, id="too much breakfast"),
    ],
)
def test_points(message: str, score: int) -> None:
    verdict = judge(Note(name="Room 2", message=message))
    assert (verdict.score, verdict.is_spam) == (score, score >= 3)


def test_the_digest_has_the_last_word(capsys: pytest.CaptureFixture[str]) -> None:
    digest_task.run()
    assert "quiet day" in capsys.readouterr().out
    open_guestbook().sign(Note(name="Room 2", message="I disagree."))
    digest_task.run()
    assert "Last word, from Room 2: I disagree." in capsys.readouterr().out


def test_each_guest_takes_one_teaspoon(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Room 2", "Room 2", "Room 5"):
        open_guestbook().sign(Note(name=name, message="Lovely spoons."))
    teaspoon_task.run()
    assert "Teaspoons left: 22." in capsys.readouterr().out


def test_a_migration_runs_once_and_the_image_before_can_live_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    data_ingestion_task.run()
    migrate.run()
    assert "Migrated: rooms." in capsys.readouterr().out
    migrate.run()
    assert "Nothing to migrate" in capsys.readouterr().out
    data_ingestion_task.run()  # which knows nothing of the new column
    assert len(open_guestbook().entries()) == 2 * data_ingestion_task.BATCH


def test_a_migration_that_fails_leaves_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(RUNS_PER_ROUND + 1):
        data_ingestion_task.run()
    monkeypatch.setenv("DRAFTS", "1")
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE constraint failed: entry\.name"):
        migrate.run()
    assert open_guestbook().pending() == ["rooms"]


def test_the_smoke_test_fails_before_the_migration_and_leaves_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="not migrated: rooms"):
        smoke_test.run()
    migrate.run()
    smoke_test.run()
    assert "wiped it off" in capsys.readouterr().out
    assert open_guestbook().entries() == []
