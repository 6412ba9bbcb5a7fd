"""Which revisions of the app can be used again."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from rota.aws.parallel import in_parallel
from rota.ecs import arns, task_definitions

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

    from rota.ecs.task_definitions import Revision
    from rota.settings import Settings


class Reusable(NamedTuple):
    """ACTIVE revisions: `recorded` ARNs by fingerprint, `unrecorded` whole ones, the lowest number first; `active`:
    every ARN of the family's ACTIVE revisions from the lowest of these on, the newest first. `newest` is the family's
    highest known number, ACTIVE or not; 0 if none is known. `registered` are the ARNs of those in use that Rota
    registered, ACTIVE or not.
    """

    recorded: dict[str, str]
    unrecorded: tuple["Revision", ...]
    active: tuple[str, ...]
    newest: int
    registered: frozenset[str]


def list_ahead(listed: Iterator[str], recorded: Iterable[str], family_name: str) -> Iterator[str]:
    """What is `listed`, the newest first; the pages back to the lowest `recorded` revision are read now."""
    lowest = min((arns.revision_number(arn) for arn in recorded if arns.family(arn) == family_name), default=None)
    read: list[str] = []
    if lowest is not None:
        for arn in listed:
            read.append(arn)
            if arns.revision_number(arn) <= lowest:
                break
    return itertools.chain(read, listed)


def find_reusable(
    ecs: "ECSClient",
    settings: "Settings",
    listed: Iterable[str],
    in_use: Collection[str],
    recorded: Mapping[str, str],
    read: Collection["Revision"] = (),
) -> Reusable:
    """Which revisions are ACTIVE was `listed` now, the newest first. What they contain was `recorded` by the deployment
    that registered them (fingerprints by ARN); a revision never changes. Those `in_use` that no record names are read,
    but for those that were `read` before.
    """
    to_read = sorted({*in_use} - recorded.keys() - {each.arn for each in read})
    found = [each for each in in_parallel(lambda arn: task_definitions.find_revision(ecs, arn), to_read) if each]
    found += read
    # A base may be older than the revision that a restore registered in place of another, and newer than that other.
    replaced = {each.replaces for each in found if each.replaces}
    known = {arn for arn in {*in_use, *recorded, *replaced} if arns.has_number(arn)}
    numbers = [arns.revision_number(arn) for arn in known if arns.family(arn) == settings.family]
    active = tuple(task_definitions.newer_than(min(numbers, default=1) - 1, listed))
    usable = {
        each.arn: each for each in found if each.active and each.belongs_to(settings.app) and each.arn not in recorded
    }
    return Reusable(
        recorded={recorded[arn]: arn for arn in active if arn in recorded},
        # The original before a copy that someone made of it.
        unrecorded=tuple(usable[arn] for arn in sorted(usable, key=arns.revision_number)),
        active=active,
        newest=max([*numbers, *map(arns.revision_number, active[:1])], default=0),
        registered=frozenset({*in_use} & {*recorded, *(each.arn for each in found if each.belongs_to(settings.app))}),
    )
