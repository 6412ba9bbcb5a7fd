"""What belongs to a deployment that waits for an approval, or has waited for one. Pure."""

from pydantic import AwareDatetime

from rota.deployment.items import Item


class Answer(Item):
    """What a person said to the changes with that digest. `by` is as that person says."""

    changes: str
    approves: bool
    by: str
    reason: str
    at: AwareDatetime

    def __str__(self) -> str:
        """For people: `ann approved it: the new prices`."""
        return f"{self.by} {'approved' if self.approves else 'rejected'} it: {self.reason}"


class BackTo(Item):
    """The release to which a rollback goes that waits for an approval."""

    release: str
    image_only: bool = False
    with_before: bool = False
