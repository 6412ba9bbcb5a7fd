"""ReadConfig: gathers the whole current state once, and checks everything before anything is written."""

from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.parallel import thread_pool
from rota.contract import ReadConfigInput, ReadConfigOutput, Stored
from rota.deployment import artifacts
from rota.deployment.recorded import recorded_revisions
from rota.ecr.image import resolve_image
from rota.ecs import service, task_definitions
from rota.ecs.reusable import Reusable, find_reusable
from rota.handlers.step import step
from rota.plan import checks
from rota.plan.current_state import CurrentState
from rota.plan.problems import Problems
from rota.schedule_file.parse import parse_schedule_file
from rota.schedule_file.s3 import candidate_keys, display_name, find_schedule_file
from rota.schedule_file.task import Task
from rota.schedules import backend
from rota.settings import Settings

if TYPE_CHECKING:
    from rota.ecs.task_definitions import Revision


@step
def handler(request: ReadConfigInput, settings: Settings) -> ReadConfigOutput:
    schedules, problems = backend.connect("rules", settings), Problems()
    with thread_pool() as pool:
        keys = candidate_keys(settings.schedule_keys, request.image)
        finding = pool.submit(find_schedule_file, clients.s3(), settings.bucket, keys)
        describing = pool.submit(service.read_service, clients.ecs(), settings)
        resolving = pool.submit(resolve_image, clients.ecr(), request.image)
        recalling = pool.submit(recorded_revisions, clients.dynamodb(), clients.s3(), settings)
        inventory = schedules.inventory()

    read = problems.gather(lambda: _parse(settings, *finding.result(), inventory.slots(settings)))
    image_uri, description = problems.gather(resolving.result), problems.gather(describing.result)
    stored, tasks = read or (None, ())
    problems.add_for_operator(inventory.problems([backend.name_of(task, settings) for task in tasks], settings))
    reusable = base = None
    if description:
        problems.add_for_operator(checks.of_service(description, settings))
    if description and "taskDefinition" in description:  # a service of the controller EXTERNAL has none
        in_use = {*backend.revisions_of(inventory.schedules.values()), description["taskDefinition"]}
        reusable = find_reusable(clients.ecs(), settings, in_use, recalling.result())
        base = _checked_base(description["taskDefinition"], reusable, problems, settings, tasks, image_uri)

    if problems or stored is None or image_uri is None or description is None or base is None or reusable is None:
        problems.raise_all()
    state = CurrentState(
        tasks=tasks,
        image_uri=image_uri,
        cluster_arn=description["clusterArn"],
        base=base,
        service=service.state_of_service(description),
        schedules=inventory.schedules,
        reusable=reusable.recorded,
        unrecorded=reusable.unrecorded,
        newest_revision=reusable.newest,
    )
    return ReadConfigOutput(
        schedule=stored,
        tasks=len(tasks),
        image_uri=image_uri,
        base=base.arn,
        state=artifacts.write(clients.s3(), settings.bucket, request.execution, "state", state),
    )


def _parse(settings: Settings, stored: Stored, raw: bytes, slots: int) -> tuple[Stored, tuple[Task, ...]]:
    name = display_name(settings.bucket, stored)
    return stored, parse_schedule_file(raw, rule_prefix=settings.rule_prefix, max_tasks=slots, name=name)


def _checked_base(
    arn: str,
    reusable: Reusable,
    problems: Problems,
    settings: Settings,
    tasks: tuple[Task, ...],
    image_uri: str | None,
) -> "Revision":
    """The base of new revisions, with whatever is wrong with it or with what the tasks make of it."""
    ecs = clients.ecs()
    served = next((each for each in reusable.unrecorded if each.arn == arn), None) or task_definitions.read_revision(
        ecs, arn
    )
    base = task_definitions.find_base(ecs, served, reusable.active)
    problems.add_for_operator(checks.of_definition(base, settings))
    problems.add_for_operator(checks.of_targets(base, settings, tasks))
    if base != served:  # a restore brings the service back to it
        problems.add_for_operator(checks.of_task_roles(served, settings))
    problems.add_for_author(checks.of_sizes(base, settings, tasks))
    if image_uri:
        problems.add_for_author(checks.of_lengths(base, settings, image_uri, tasks))
    return base
