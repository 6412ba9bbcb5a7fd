"""What a person adds to the push in an execution's input: who starts it, why, of which kind, and a dry run."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rota.contract import Image, Kind, Origin

# Characters of a name and of a reason: both are mailed, and are in each ledger entry.
_LONGEST = {"by": 256, "reason": 1_000}
_KNOWN = ("dry_run", *_LONGEST, "kind")
# Keys that other versions of Rota know. Ignored, they would do something else than a person asks for.
_UNKNOWN = (
    *("release", "image_only", "schedule_key", "schedule_version", "now", "with_before", "hold", "pause", "lift"),
)
_LETTERS = {re.sub(r"[^a-z]", "", key): key for key in (*_KNOWN, *_UNKNOWN)}


def origin(event: Mapping[str, Any], image: Image, execution_name: str) -> Origin:
    """Who started the execution and why; the kind follows from what started it unless the input says another."""
    by_itself = Kind.PUSH if image.started(execution_name) else Kind.AGAIN
    return Origin(kind=event.get("kind", by_itself), by=event.get("by", ""), reason=event.get("reason", ""))


def problems(event: Mapping[str, Any]) -> Iterator[str]:
    """A problem for each such key that is misspelt, misplaced, unknown to this version, or has a wrong value."""
    if not isinstance(event.get("dry_run", False), bool):
        yield f"dry_run is {json.dumps(event['dry_run'])}, it must be true or false"
    for key, longest in _LONGEST.items():
        value = event.get(key, "-")
        if not (isinstance(value, str) and 0 < len(value) <= longest):
            yield f"{key} must be a string of 1 to {longest:,} characters"
    if event.get("kind", Kind.AGAIN) not in [*Kind]:
        yield f"kind is {json.dumps(event['kind'])[: _LONGEST['by']]}, it must be one of {', '.join(Kind)}"
    for key in event:
        meant = _LETTERS.get(re.sub(r"[^a-z]", "", key.lower()))
        if meant in _UNKNOWN:
            yield f"this version of Rota does not know the key {key}; leave it out"
        elif meant and key != meant:
            yield f'{key} is not a key of a push; write "{meant}", beside detail'
    # ECR may add members to detail, so only this one is looked for there: it would deploy what is only to be planned.
    detail = event["detail"] if isinstance(event.get("detail"), Mapping) else {}
    for key in detail:
        if re.sub(r"[^a-z]", "", key.lower()) == "dryrun":
            yield f'detail.{key} is not a key of a push; write "dry_run", beside detail'
