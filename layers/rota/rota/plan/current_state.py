"""What there is before a deployment and what it asks for: gathered and checked once, by ReadConfig. Pure."""

from pydantic import ConfigDict, Field

from rota.contract.shape import Shape
from rota.ecs.service import ServiceState
from rota.ecs.task_definitions import Revision
from rota.schedule_file.task import After, Before, Task
from rota.schedules import backend
from rota.schedules.backend import Schedule


class CurrentState(Shape):
    """Everything that a plan is made from, but the parameters.

    `tasks`, `before` and `after` are the schedule file's; `with_before`: whether `before` runs if the image is another
    than the live one; `schedules` the app's own by name, as they would be if none were paused; `paused`
    says in words which are; `advice`: what authors should know of the times of schedules that are new or change;
    `base` is what new revisions are derived from, `served` what the service runs.
    `base_today`: what they would be derived from if no release was brought back; None if none is. `remark`: what the
    summary says of the deployment. `breaks_circuit`: ECS fails a rollout whose tasks do not start.
    `rollout_remarks`: what a person should know of how ECS will roll the service out.
    `reusable`: ARNs by fingerprint of ACTIVE revisions that an earlier deployment recorded; `unrecorded`: ACTIVE
    revisions of the app in use that no record names, whole; `newest_revision`: the family's highest number;
    `registered`: ARNs of those in use that Rota registered, by which a schedule that is taken over is known.
    `retry_policy_set_by_rota`: the names of the schedules whose retry policy the live deployment set; None if that is
    not known. `set_by_keys`: what else keys of its file set, by the schedule's name;
    `said_of_revisions` what they said of the task's revision, in words by key.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    tasks: tuple[Task, ...]
    before: Before | None = Field(None, exclude_if=lambda given: given is None)
    after: After | None = Field(None, exclude_if=lambda given: given is None)
    with_before: bool = True
    image_uri: str
    cluster_arn: str
    base: Revision
    base_today: Revision | None = None
    served: Revision
    breaks_circuit: bool
    rollout_remarks: tuple[str, ...] = ()
    service: ServiceState
    schedules: dict[str, Schedule]
    paused: tuple[str, ...] = ()
    advice: tuple[str, ...] = Field((), exclude_if=lambda given: not given)
    reusable: dict[str, str]
    unrecorded: tuple[Revision, ...]
    newest_revision: int
    registered: frozenset[str]
    retry_policy_set_by_rota: tuple[str, ...] | None = Field(alias="retried")
    set_by_keys: dict[str, tuple[str, ...]] = Field(default_factory=dict, exclude_if=lambda given: not given)
    said_of_revisions: dict[str, dict[str, str]] = Field(default_factory=dict, exclude_if=lambda given: not given)
    remark: str = ""

    def sets_retry(self, name: str) -> bool:
        """Whether Rota set the retry policy of the schedule's target."""
        current = self.schedules.get(name)
        return backend.set_retry_before(name, current, self.retry_policy_set_by_rota, self.registered)
