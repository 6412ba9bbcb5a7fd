"""The answer of `rota plan`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class ImageChange:
    """The image that is live and the one that would be."""

    digest: str
    tag: str | None
    from_digest: str | None
    from_tag: str | None


@dataclass(frozen=True)
class ScheduleFile:
    """The version of the schedule file that the plan goes by."""

    key: str
    version: str
    modified: datetime | None
    differs: bool
    """Whether another version is live."""
    proposed: str | None = None
    """The name of the file here, if it is not uploaded."""


@dataclass(frozen=True)
class ServiceChange:
    """`to` is None where the revision is yet to be registered."""

    rolls: bool
    revision: str
    to: str | None
    changes: list[str]


@dataclass(frozen=True)
class TaskChange:
    """What becomes of a task's schedule: `image` means that only its revision changes, and not what the job runs.

    `fields` are those that differ, each as it is and as it would be; values of environment variables are masked.
    """

    task: str
    change: Literal["create", "update", "image", "remove"]
    in_words: str
    was: str
    fields: dict[str, tuple[str | None, str | None]]
    command: str


@dataclass(frozen=True)
class Plan:
    """What a deployment would change now."""

    nothing_to_do: bool
    image: ImageChange
    schedule: ScheduleFile
    service: ServiceChange
    tasks: list[TaskChange]
    unchanged: int
    registers: int
    seconds_at_least: int
    summary: str
    remarks: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    changes_of_file: list[str] = field(default_factory=list)
    """What changes of keys of the schedule file of which nothing is written to AWS, in words."""
    execution: str = ""
    kind: Literal["plan"] = "plan"

    @property
    def changes_nothing(self) -> bool:
        """Whether what is live would be the same after the deployment, the schedule file too."""
        return self.nothing_to_do and not self.changes_of_file

    def of(self, *changes: str) -> list[TaskChange]:
        """The tasks with these changes."""
        return [task for task in self.tasks if task.change in changes]
