"""The image that jobs run: whether ECR still has it, looked at once a day, before a monthly job finds out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.ecr.image import describe_image
from rota.notifications.message import Message
from rota.notifications.send import send_chat, send_mail
from rota.runs.model import Release, Swept

if TYPE_CHECKING:
    from rota.settings import Settings

_EVERY = timedelta(days=1)


def look_after(settings: "Settings", swept: Swept, releases: Sequence[Release], now: datetime) -> Swept:
    """Report once if the live image cannot be pulled, and what the repository's lifecycle policy will soon take of the
    releases' images. Returns what is swept with that.
    """
    if not releases or (swept.image_seen_at and now - swept.image_seen_at < _EVERY):
        return swept
    from rota.runs import image_policy  # noqa: PLC0415  here, because it is asked once a day

    release = releases[-1]
    threats = image_policy.threats(settings.repository, releases, now)
    status = _status(settings.repository, release.digest)
    problem = f"{release.digest} {status}" if status != "ACTIVE" else ""
    if problem and problem != swept.image_reported:
        _send(settings, message_about(settings.app, settings.repository, release, status))
    if not threats.keys <= {*swept.policy_reported}:
        _send(settings, image_policy.message_about(settings.app, settings.repository, threats, now))
    reported = threats.keys | threats.possible_keys.intersection(swept.policy_reported)
    known = {"image_seen_at": now, "image_reported": problem, "policy_reported": tuple(sorted(reported))}
    return swept.model_copy(update=known)


def _send(settings: "Settings", message: Message) -> None:
    send_mail(settings.notifications_topic_arn, message, {"kind": ("image",)})
    send_chat(settings.chat_topic_arn, message)


def _status(repository: str, digest: str) -> str:
    ecr = clients.ecr()
    try:
        found = describe_image(ecr, repository, digest)
    except ecr.exceptions.RepositoryNotFoundException:
        return "GONE"
    return str(found.get("imageStatus", "ACTIVE")) if found else "GONE"


def message_about(app: str, repository: str, release: Release, status: str) -> Message:
    """The message about an image that cannot be pulled. Pure."""
    named = f"v{release.number}" if release.number else release.digest
    gone = status == "GONE"
    return Message(
        title=f"The image of {named} is {'not in ECR any more' if gone else 'archived in ECR'} ({app})",
        lead="The jobs and the service run this image. Running tasks continue; tasks that start now fail.",
        facts=(
            ("Image", " ".join(filter(None, (release.tag, release.digest)))),
            ("Repository", repository),
            ("Status", "deleted" if gone else status.lower()),
        ),
        next_steps=(
            "Push the image again, or deploy another." if gone else "Restore the image in ECR, or push it again.",
            "Let the repository's lifecycle policy keep images that run: docs/operations.md, Images in use.",
        ),
        thread=f"{app} image",
        kind="Rota Image",
        good=False,
    )
