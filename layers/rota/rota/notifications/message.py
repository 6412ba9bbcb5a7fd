"""A notification, and how a mail shows it. Pure."""

from collections.abc import Iterable

from rota.contract.shape import Shape
from rota.sanitise import clean, mask, one_line, subject

# SNS takes 256 KB: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html. A person reads much less.
_LONGEST_LOG_LINE = 500


class Message(Shape):
    """What a notification says. Any text may come from a job or from AWS: the forms clean and mask it."""

    title: str
    """Who and what, on one line: a mail's subject, a chat's title, what a phone shows without being unlocked."""
    lead: str
    """The first sentences."""
    facts: tuple[tuple[str, str], ...] = ()
    """What to know, as name and value."""
    log: tuple[str, ...] = ()
    """The last lines that the job logged."""
    next_steps: tuple[str, ...] = ()
    """What to do, a sentence or more each."""
    links: tuple[tuple[str, str], ...] = ()
    """Where to look, as name and URL."""
    thread: str
    """Messages with the same thread belong together."""
    kind: str
    """The kind of event, `Rota Deployment` or `Rota Run`."""
    keywords: tuple[str, ...] = ()
    good: bool | None = None
    """Whether it is good news; None if it is neither good nor bad."""


def mail_subject(message: Message) -> str:
    """Fewer than 100 characters of ASCII on one line."""
    return subject(mask(message.title))


def mail_text(message: Message) -> str:
    """The mail's plain text: a phone shows about forty characters of a line, so nothing is aligned."""
    parts = [mask(clean(message.lead))]
    parts.append("\n".join(f"{name}: {mask(one_line(value))}" for name, value in message.facts))
    if message.log:
        parts.append("\n".join(["The last lines of its log:", *(f"  {line}" for line in log_lines(message.log))]))
    if message.next_steps:
        parts.append("\n".join(["What to do:", *(f"- {mask(one_line(step))}" for step in message.next_steps)]))
    parts.append("\n".join(f"{name}: {url}" for name, url in message.links))
    return "\n\n".join(filter(None, parts)) + "\n"


def log_lines(log: Iterable[str]) -> list[str]:
    """The lines of a log as they are shown, masked as one text because a key may have many lines."""
    text = mask(clean("\n".join(log)))
    return [line[:_LONGEST_LOG_LINE].rstrip() for line in text.splitlines()]
