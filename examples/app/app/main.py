"""The API of the guestbook."""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, status
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.guestbook import Entry, Guestbook, Note, open_guestbook
from app.spam import judge

app = FastAPI(title="Guestbook of the Pier Hotel", version="1.0.0")
Book = Annotated[Guestbook, Depends(open_guestbook)]


def one_line(text: str) -> str:
    """One line of printable text: what is signed here ends up in the logs of the tasks."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


OneLine = AfterValidator(one_line)  # named before the lengths, so that they count what is kept


class NewEntry(BaseModel):
    """What `POST /entries` takes."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, OneLine, Field(min_length=1, max_length=60)]
    message: Annotated[str, OneLine, Field(min_length=1, max_length=500)]


class Front(BaseModel):
    """What `GET /` answers."""

    greeting: str
    entries: int
    spam_removed: int
    sign_here: str


@app.get("/")
def front(book: Book) -> Front:
    """A greeting, and how full the book is."""
    return Front(
        greeting="Welcome to the Pier Hotel. The sea is at the front, the tide permitting.",
        entries=len(book.entries()),
        spam_removed=book.removed(),
        sign_here="POST /entries",
    )


@app.get("/health")
def health(book: Book) -> dict[str, str]:
    """Answers when the book can be opened and written to."""
    book.entries(limit=1)
    return {"status": "ok"}


@app.get("/entries")
def read_entries(book: Book, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> list[Entry]:
    """The newest entries first."""
    return book.entries(limit)


@app.post("/entries", status_code=status.HTTP_201_CREATED)
def sign(book: Book, new: NewEntry) -> Entry:
    """Signs the book; spam is turned away at the door with 422 and the reasons."""
    note = Note(name=new.name, message=new.message)
    verdict = judge(note)
    if verdict.is_spam:
        raise HTTPException(
            status_code=422,
            detail={"refused": "This looks like spam.", "score": verdict.score, "reasons": verdict.reasons},
        )
    return book.sign(note)
