"""What an execution of the state machine is started with: a push's event, what a person adds to it, or that alone."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field, StrictBool, ValidationError

from rota.contract.deployment import Digest, Image, Kind, Origin, Stored, is_started_by
from rota.contract.shape import Shape
from rota.errors import RejectedError

# Characters of a name and of a reason: both are mailed, and are in each ledger entry.
LONGEST_NAME, LONGEST_REASON = 256, 1_000
# Keys of schedule files that `rota plan --file` has stored: whoever deploys may write them.
PROPOSALS = "proposals/"
# Of one value in a message.
_LONGEST_QUOTE = 256


def _with_a_year(given: Any) -> Any:
    if isinstance(given, str) and re.match(r"\d{4}-", given):
        return given
    raise ValueError("no timestamp")  # pydantic takes a number as one


Timestamp = Annotated[AwareDatetime, BeforeValidator(_with_a_year)]
# So that the ledger's entry, which has them twice, has less than 400 KB.
MOST_TASKS = 1_000
Names = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(min_length=1, max_length=MOST_TASKS)
]


class HoldKey(Shape):
    """The key `hold`: until when deployments are held; None until a person resumes them."""

    until: Timestamp | None = None


class PauseKey(Shape):
    """The key `pause`: which tasks, and until when; None until a person resumes them. To resume, no tasks are all."""

    tasks: Names | tuple[()] = ()
    until: Timestamp | None = None


class ExecutionInput(Shape):
    """The keys that stand beside `detail`, or alone where an execution is about no image of a person's choice."""

    dry_run: StrictBool = False
    by: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)] = ""
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)] = ""
    kind: Kind | None = None
    release: Annotated[str, Field(pattern=r"^(previous|v[1-9][0-9]{0,8})$")] | None = None
    image_only: StrictBool = False
    schedule_key: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    schedule_version: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    now: StrictBool = False
    with_before: StrictBool = False
    hold: HoldKey | None = None
    pause: PauseKey | None = None
    lift: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=100)] = ()

    @property
    def schedule(self) -> Stored | None:
        """The version of a schedule file that is to be deployed; None for the newest."""
        if self.schedule_key is None or self.schedule_version is None:
            return None
        return Stored(key=self.schedule_key, version_id=self.schedule_version)


# What is approved is not said by whoever may start an execution.
_OF_AN_APPROVAL = {"approve", "approved", "approval", "approves", "reject", "rejected"}
_KNOWN = tuple(ExecutionInput.model_fields)
# docs.aws.amazon.com/eventbridge/latest/userguide/aws-events-structure.html
_OF_AN_EVENT = {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
_INSIDE: dict[str, type[Shape]] = {"hold": HoldKey, "pause": PauseKey}
_OF_ALL = {"by", "reason", "kind"}
_OF_AN_IMAGE = {"dry_run", "now", "lift", "schedule_key", "schedule_version"}
_OF_A_KIND = {
    **dict.fromkeys((Kind.PUSH, Kind.AGAIN, Kind.IMAGE), _OF_AN_IMAGE),
    Kind.ROLLBACK: {"dry_run", "release", "image_only", "with_before", "hold"},
    Kind.PAUSE: {"pause", "hold"},
    Kind.RESUME: {"pause", "hold"},
    Kind.SCHEDULE: {"dry_run", "now", "schedule_key", "schedule_version"},
    Kind.LIFT: {"lift"},
}
_WITH_AN_IMAGE = (Kind.PUSH, Kind.AGAIN, Kind.IMAGE)
_WITHOUT_ONE = tuple(kind for kind in Kind if kind not in _WITH_AN_IMAGE)
# What a kind cannot do without: one of these.
_NEEDED = {Kind.ROLLBACK: ("release",), Kind.PAUSE: ("pause", "hold"), Kind.LIFT: ("lift",)}
_MUST_BE = {
    "dry_run": "true or false",
    "by": f"a string of 1 to {LONGEST_NAME:,} characters",
    "reason": f"a string of 1 to {LONGEST_REASON:,} characters",
    "kind": f"one of {', '.join(Kind)}",
    "release": '"previous" or a release such as "v41"',
    "image_only": "true or false",
    "schedule_key": "the key of a schedule file in the bucket",
    "schedule_version": "the id of a version of that file",
    "now": "true or false",
    "with_before": "true or false",
    "hold": '{} or an object such as {"until": "2026-12-24T06:00:00Z"}',
    "pause": 'an object such as {"tasks": ["SendMail"], "until": "2026-12-24T06:00:00Z"}, '
    f"with {MOST_TASKS:,} tasks at most",
    "lift": 'a list of digests, such as ["sha256:..."]',
}


def names_no_image(event: Any) -> bool:
    """Whether an input is a person's that has no image: it says a kind, and has no `detail`."""
    return isinstance(event, Mapping) and "kind" in event and "detail" not in event


def parse(event: Mapping[str, Any]) -> ExecutionInput:
    """The keys of an input that names no image. RejectedError lists everything that is wrong with it."""
    if found := list(problems(event)):
        raise RejectedError(f"the input cannot be carried out: {'; '.join(found)}")
    return keys(event)


def keys(event: Mapping[str, Any]) -> ExecutionInput:
    """The keys of an input that has no problems."""
    return ExecutionInput.model_validate({key: event[key] for key in _KNOWN if key in event})


def refuse_past(key: str, until: datetime | None, started_at: datetime) -> None:
    """RejectedError if the `until` of a hold or a pause was over when the execution started."""
    if until and until <= started_at:
        raise RejectedError(f"{key}.until is {until.isoformat()}, which is past; write when the {key} is over")


def origin(event: Mapping[str, Any], image: Image | None, execution_name: str) -> Origin:
    """Who started the execution and why; the kind follows from what started it unless the input says another."""
    by_default = Kind.PUSH if image and image.started(execution_name) else Kind.AGAIN
    by, reason = said(event.get("by", ""), LONGEST_NAME), said(event.get("reason", ""), LONGEST_REASON)
    return Origin(kind=event.get("kind", by_default), by=by, reason=reason)


def origin_of_refused(event: Any, execution_name: str) -> Origin | None:
    """As much of `origin` as an input with problems says; None if it says nothing of it."""
    if not isinstance(event, Mapping):
        return None
    given = {name: _alone(event, name) for name in ("kind", "by", "reason")}
    detail = event.get("detail")
    if "kind" not in event and isinstance(detail, Mapping) and "image-digest" in detail:
        given["kind"] = Kind.PUSH if is_started_by(event.get("id"), execution_name) else Kind.AGAIN
    if not any(given.values()):
        return None
    by, reason = said(given["by"] or "", LONGEST_NAME), said(given["reason"] or "", LONGEST_REASON)
    return Origin(kind=given["kind"], by=by, reason=reason)


def said(text: str, longest: int) -> str:
    """What a person says, as it is kept and shown: masked, and cut, as a mask may be longer than what it hides."""
    if not text:
        return ""
    from rota.sanitise import mask  # noqa: PLC0415  here, because a push needs it not

    return mask(text)[:longest]


def _alone(event: Mapping[str, Any], name: str) -> Any:
    """The value of a key, whatever is wrong with the others; None if that value is wrong, or missing."""
    try:
        return getattr(ExecutionInput.model_validate({name: event[name]} if name in event else {}), name) or None
    except ValidationError:
        return None


def problems(event: Mapping[str, Any]) -> Iterator[str]:
    """A problem for each key that is misspelt, misplaced, unknown to this version, or has a wrong value, and for what
    does not go with the kind.
    """
    yield from _problems_of_names(event)
    try:
        given = ExecutionInput.model_validate({key: event[key] for key in _KNOWN if key in event})
    except ValidationError as error:
        yield from _problems_of_values(event, error)
        return
    yield from _problems_of_the_kind(event, given.kind)
    if (given.schedule_key is None) != (given.schedule_version is None):
        missing = "schedule_key" if given.schedule_key is None else "schedule_version"
        yield f"{missing} is missing: schedule_key and schedule_version go together, and name one version of one file"
    if given.schedule and given.schedule.key.startswith(PROPOSALS) and not given.dry_run:
        yield f"schedule_key is {_quoted(given.schedule.key)}, which is only to be planned; upload the schedule file"
    if given.pause and given.hold:
        yield "pause and hold do not go together; start an execution for each"
    if given.pause and given.kind == Kind.PAUSE and not given.pause.tasks:
        yield f"pause.tasks is missing: pause must be {_MUST_BE['pause']}"
    if given.pause and given.kind == Kind.RESUME and given.pause.until:
        yield "pause.until does not go with the kind resume, which takes effect at once; leave it out"


def _problems_of_values(event: Mapping[str, Any], error: ValidationError) -> Iterator[str]:
    """What the model refuses: a key inside of another that is misspelt or unknown, or the whole value of a key."""
    misspelt = {each["loc"]: None for each in error.errors(include_url=False) if each["type"] == "extra_forbidden"}
    for key, name in misspelt:
        names = tuple(_INSIDE[str(key)].model_fields)
        meant = _meant(str(name), names)
        instead = f'write "{meant}"' if meant else f"the keys are {', '.join(names)}"
        yield f"{key}.{name} is not a key of {key}; {instead}"
    keys_of_these = {key for key, _ in misspelt}
    for key in dict.fromkeys(str(each["loc"][0]) for each in error.errors(include_url=False)):
        if key not in keys_of_these:
            yield f"{key} is {_quoted(event[key])}, it must be {_MUST_BE[key]}"


def _problems_of_names(event: Mapping[str, Any]) -> Iterator[str]:
    is_an_event = "detail" in event
    for key in event:
        if key in _KNOWN or (is_an_event and key in _OF_AN_EVENT):
            continue
        meant = _meant(key, _KNOWN)
        if _letters(key) in _OF_AN_APPROVAL:
            yield f"{key} is not a key of the input; who may approve does it with rota approve"
        elif meant:
            yield f'{key} is not a key of the input; write "{meant}"' + (", beside detail" if is_an_event else "")
        elif not is_an_event:  # EventBridge may add members to an event
            yield f"{_quoted(key)} is not a key of the input; the keys are {', '.join(_KNOWN)}"
    # ECR may add members to detail, so only this one is looked for there: it would deploy what is only to be planned.
    detail = event["detail"] if isinstance(event.get("detail"), Mapping) else {}
    for key in detail:
        if _letters(key) == "dryrun":
            yield f'detail.{key} is not a key of a push; write "dry_run", beside detail'


def _problems_of_the_kind(event: Mapping[str, Any], kind: Kind | None) -> Iterator[str]:
    if "detail" in event:
        if kind in _WITHOUT_ONE:
            yield f"kind is {kind}, which names no image; leave out detail, or write one of {', '.join(_WITH_AN_IMAGE)}"
            return
    elif kind is None or kind in _WITH_AN_IMAGE:
        if kind:
            yield f"kind is {kind}, so detail must hold repository-name and image-digest"
        return  # without a kind it is a push that lacks everything
    kind = kind or Kind.AGAIN
    for key in _KNOWN:
        if key in event and key not in _OF_ALL | _OF_A_KIND[kind]:
            yield f"{key} does not go with the kind {kind}; leave it out"
    needed = _NEEDED.get(kind, ())
    if needed and not any(key in event for key in needed):
        yield f"{' or '.join(needed)} is missing, the kind {kind} needs it"


def _meant(key: str, names: tuple[str, ...]) -> str | None:
    """Which of these names that key is a misspelling of; None if of none."""
    from difflib import get_close_matches  # noqa: PLC0415  here, because an event that EventBridge sends needs it not

    by_letters = {_letters(name): name for name in names}
    near = get_close_matches(_letters(key), by_letters, n=1, cutoff=0.8)
    return by_letters[near[0]] if near else None


def _letters(key: str) -> str:
    return re.sub(r"[^a-z]", "", key.lower()[:64])


def _quoted(value: object) -> str:
    """A value for a message, as JSON, masked."""
    return said(json.dumps(value), _LONGEST_QUOTE)
