"""The message as Amazon Q Developer shows it in Slack and Teams: its custom notification. Pure.

https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html. Any other text on its topic is dropped without
a word. AWS names no limits; these are what its users cut at.
"""

import json
import re

from rota.notifications.message import Message, log_lines
from rota.sanitise import clean, mask, one_line, shortened

LONGEST_TITLE = 250
LONGEST_DESCRIPTION = 8_000
LONGEST_STEP = 350
_MOST_STEPS = 5
_LONGEST_ID = 250
_FENCE = "```"
_SIGNS = {True: "\u2705 ", False: "\u274c ", None: ""}
_HIDDEN = "\u200b"


def chat_notification(message: Message) -> str:
    """The JSON to publish, in ASCII: always one object, within the limits, masked and escaped."""
    title = _escaped(mask(one_line(message.title)), LONGEST_TITLE - len(_SIGNS[message.good]))
    steps = [_escaped(mask(one_line(step)), LONGEST_STEP) for step in message.next_steps]
    notification = {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": _SIGNS[message.good] + title,
            "description": _description(message),
            **({"nextSteps": steps[:_MOST_STEPS]} if steps else {}),
            "keywords": [shortened(one_line(word), _LONGEST_ID) for word in message.keywords],
        },
        "metadata": {
            "threadId": shortened(one_line(message.thread), _LONGEST_ID),
            "summary": title,
            "eventType": message.kind,
        },
    }
    return json.dumps(notification)


def _description(message: Message) -> str:
    """Sentences, facts and links first: of a log that is too long the last lines count."""
    facts = "\n".join(f"{name}: {mask(one_line(value))}" for name, value in message.facts)
    links = "\n".join(f"{name}: {url}" for name, url in message.links)
    links = links if len(links) < LONGEST_DESCRIPTION // 2 else ""
    text = "\n\n".join(filter(None, (mask(clean(message.lead)), facts)))
    text = _escaped(text, LONGEST_DESCRIPTION - len(links) - 2)
    log = _block(message, LONGEST_DESCRIPTION - len(text) - len(links) - 4)
    return "\n\n".join(filter(None, (text, log, links))) or "-"


def _block(message: Message, room: int) -> str:
    """The last lines of the log that there is room for, as code: there only the signs and the fence mean anything."""
    lines: list[str] = []
    room -= 2 * len(_FENCE) + 1
    for line in reversed(log_lines(message.log)):
        shown = _without_signs(line)
        if (room := room - len(shown) - 1) < 0:
            break
        lines.insert(0, shown)
    return "\n".join([_FENCE, *lines, _FENCE]) if lines else ""


def _escaped(text: str, longest: int) -> str:
    """The text as it is to be read, cut: no mention, no link with another name, no bold, no code."""
    text = _without_signs(text).replace("](", "] (")
    text = re.sub(r"@(?=(?:here|channel|everyone|all)\b)", f"@{_HIDDEN}", text, flags=re.IGNORECASE)
    # only what could begin bold or struck-out text: names with _ inside can still be copied
    text = re.sub(r"(?<![\w*_~])([*_~]+)(?=\w)", rf"\1{_HIDDEN}", text)
    return re.sub(r"&\w{0,3}(?=\.\.\.$)", "", shortened(text, longest))


def _without_signs(text: str) -> str:
    """Without what Slack takes as mentions and links, and without what ends code."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
