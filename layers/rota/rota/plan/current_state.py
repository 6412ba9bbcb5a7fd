"""What there is before a deployment and what it asks for: gathered and checked once, by ReadConfig. Pure."""

from pydantic import ConfigDict, Field

from rota.contract.shape import Shape
from rota.ecs.arns import Ranges
from rota.ecs.service import ServiceState
from rota.ecs.task_definitions import Revision
from rota.schedule_file.task import After, Before, Task
from rota.schedules import backend
from rota.schedules.backend import Schedule


class CurrentState(Shape):
    """Everything that a plan is made from, but the parameters."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    tasks: tuple[Task, ...]
    """The schedule file's, as are `before` and `after`."""
    before: Before | None = Field(None, exclude_if=lambda given: given is None)
    after: After | None = Field(None, exclude_if=lambda given: given is None)
    with_before: bool = True
    """Whether `before` runs if the image is another than the live one."""
    image_uri: str
    cluster_arn: str
    base: Revision
    """What new revisions are derived from."""
    base_today: Revision | None = None
    """What they would be derived from if no release was brought back; None if none is."""
    served: Revision
    """What the service runs."""
    breaks_circuit: bool
    """ECS fails a rollout whose tasks do not start."""
    rollout_remarks: tuple[str, ...] = ()
    """What a person should know of how ECS will roll the service out."""
    service: ServiceState
    schedules: dict[str, Schedule]
    """The app's own by name, as they would be if none were paused."""
    paused: tuple[str, ...] = ()
    """Which schedules are paused, in words."""
    advice: tuple[str, ...] = Field((), exclude_if=lambda given: not given)
    """What authors should know of the times of schedules that are new or change."""
    reusable: dict[str, str]
    """ARNs by fingerprint of ACTIVE revisions that an earlier deployment recorded."""
    unrecorded: tuple[Revision, ...]
    """ACTIVE revisions of the app in use that no record names, whole."""
    newest_revision: int
    """The family's highest number."""
    registered: frozenset[str]
    """ARNs of the revisions in use that Rota registered, by which a schedule that is taken over is known."""
    retry_policy_set_by_rota: tuple[str, ...] | None = Field(alias="retried")
    """The names of the schedules whose retry policy the live deployment set; None if that is not known."""
    set_by_keys: dict[str, tuple[str, ...]] = Field(default_factory=dict, exclude_if=lambda given: not given)
    """By the schedule's name: what else keys of the live deployment's file set of it."""
    said_of_revisions: dict[str, dict[str, str]] = Field(default_factory=dict, exclude_if=lambda given: not given)
    """By the schedule's name: what the keys of that file said of its own revision, in words by key."""
    own_numbers: dict[str, Ranges] = Field(default_factory=dict, exclude_if=lambda given: not given)
    """By the family's ARN: the numbers of the revisions that deployments up to the live one registered."""
    remark: str = ""
    """What the summary says of the deployment."""

    def sets_retry(self, name: str) -> bool:
        """Whether Rota set the retry policy of the schedule's target."""
        current = self.schedules.get(name)
        return backend.set_retry_before(name, current, self.retry_policy_set_by_rota, self.registered)
