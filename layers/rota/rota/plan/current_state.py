"""What there is before a deployment and what it asks for: gathered and checked once, by ReadConfig. Pure."""

from rota.contract import Shape
from rota.ecs.service import ServiceState
from rota.ecs.task_definitions import Revision
from rota.schedule_file.task import Task
from rota.schedules.backend import Schedule


class CurrentState(Shape):
    """Everything that a plan is made from, but the parameters.

    `tasks` are the schedule file's; `schedules` the app's own by name; `base` is what new revisions are derived from,
    `served` what the service runs. `breaks_circuit`: ECS gives up a rollout whose tasks do not start.
    `reusable`: ARNs by fingerprint of ACTIVE revisions that an earlier deployment recorded; `unrecorded`: ACTIVE
    revisions of the app in use that no record names, whole; `newest_revision`: the family's highest number.
    """

    tasks: tuple[Task, ...]
    image_uri: str
    cluster_arn: str
    base: Revision
    served: Revision
    breaks_circuit: bool
    service: ServiceState
    schedules: dict[str, Schedule]
    reusable: dict[str, str]
    unrecorded: tuple[Revision, ...]
    newest_revision: int
