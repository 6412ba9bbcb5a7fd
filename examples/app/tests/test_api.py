"""The API, called as a visitor calls it."""

import pytest
from fastapi.testclient import TestClient

from app.main import app

SPAM = {"name": "Nobody", "message": "FREE CASH PRIZE!!! Click https://tins.example"}


@pytest.fixture
def visitor() -> TestClient:
    return TestClient(app)


def test_entries_are_listed_newest_first(visitor: TestClient) -> None:
    for name in ("Room 2", "Room 5"):
        assert visitor.post("/entries", json={"name": name, "message": "Lovely."}).status_code == 201

    assert [entry["name"] for entry in visitor.get("/entries").json()] == ["Room 5", "Room 2"]
    assert [entry["name"] for entry in visitor.get("/entries?limit=1").json()] == ["Room 5"]
    assert visitor.get("/").json()["entries"] == 2


def test_spam_is_refused_with_its_reasons(visitor: TestClient) -> None:
    answer = visitor.post("/entries", json=SPAM)

    assert answer.status_code == 422
    assert "link +2" in answer.json()["detail"]["reasons"]
    assert visitor.get("/entries").json() == []


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"name": "Room 2"}, id="no message"),
        pytest.param({"name": " \n ", "message": "Boo."}, id="blank name"),
        pytest.param({"name": "Room 2", "message": "a" * 501}, id="a novel"),
        pytest.param({"name": "Room 2", "message": "Fine.", "stars": 5}, id="unknown key"),
    ],
)
def test_an_invalid_entry_is_refused(visitor: TestClient, entry: dict[str, object]) -> None:
    assert visitor.post("/entries", json=entry).status_code == 422
    assert visitor.get("/entries").json() == []


def test_an_entry_is_one_printable_line(visitor: TestClient) -> None:
    answer = visitor.post("/entries", json={"name": "Room\t2", "message": "Fine.\r\nRemoved no. 1\x1b[2J"})

    assert answer.json()["name"] == "Room 2"
    assert answer.json()["message"] == "Fine. Removed no. 1 [2J"


def test_health_answers(visitor: TestClient) -> None:
    assert visitor.get("/health").json() == {"status": "ok"}
