"""ReadConfig: reads the schedule file at one version and checks everything before anything is written."""

from rota.aws import clients
from rota.aws.parallel import thread_pool
from rota.contract import ReadConfigInput, ReadConfigOutput, Stored
from rota.ecr.image import resolve_image
from rota.ecs import task_definitions
from rota.ecs.service import read_service
from rota.handlers.step import step
from rota.plan import checks
from rota.plan.problems import Problems
from rota.schedule_file.parse import parse_schedule_file
from rota.schedule_file.s3 import candidate_keys, display_name, find_schedule_file
from rota.schedule_file.task import Task
from rota.schedules.eventbridge_rules import api, tag_index
from rota.settings import Settings


@step
def handler(request: ReadConfigInput, settings: Settings) -> ReadConfigOutput:
    keys = candidate_keys(settings.schedule_keys, request.image)
    with thread_pool() as pool:
        naming = pool.submit(api.list_rules, clients.events(), "")
        listing = pool.submit(tag_index.tags_of_rules, clients.tagging(), settings.app)
        describing = pool.submit(read_service, clients.ecs(), settings)
        finding = pool.submit(find_schedule_file, clients.s3(), settings.bucket, keys)
        resolving = pool.submit(resolve_image, clients.ecr(), request.image)
    every_rule = naming.result()
    prefixed = [rule for rule in every_rule if rule["Name"].startswith(settings.rule_prefix)]
    owners = api.owners(clients.events(), prefixed, listing.result())
    room = max(0, settings.rule_quota - len(every_rule) + list(owners.values()).count(settings.app))

    faults = Problems()
    read = faults.gather(lambda: _read(settings, *finding.result(), room))
    image_uri = faults.gather(resolving.result)
    description = faults.gather(describing.result)
    stored, tasks = read or (None, ())
    names = [rule["Name"] for rule in every_rule]
    faults.blame_operator(checks.of_prefix(names, listing.result(), settings.rule_prefix))
    wanted = [settings.rule_prefix + task.name for task in tasks]
    faults.blame_operator(checks.of_names(wanted, owners, api.managers(prefixed), settings.app))
    base = None
    if description:
        faults.blame_operator(checks.of_service(description, settings))
    if description and "taskDefinition" in description:  # one of the controller EXTERNAL has none
        served = task_definitions.read_revision(clients.ecs(), description["taskDefinition"])
        base = task_definitions.find_base(clients.ecs(), served)
        faults.blame_operator(checks.of_definition(base, settings))
        faults.blame_operator(checks.of_targets(base, settings, tasks))
        if base != served:  # to which a restore brings the service back
            faults.blame_operator(checks.of_task_roles(served, settings))
        faults.blame_author(checks.of_sizes(base, settings, tasks))
        if image_uri:
            faults.blame_author(checks.of_lengths(base, settings, image_uri, tasks))

    if faults:  # one message for all: PlanDeployment, which looks at the rules' targets, will not be reached
        ours = [rule for rule in prefixed if owners.get(rule["Name"]) == settings.app]
        faults.blame_operator(
            checks.of_roles(api.read_rules(clients.events(), ours, listing.result()).values(), settings)
        )
    if faults or stored is None or image_uri is None or description is None or base is None:
        faults.complain()
    return ReadConfigOutput(
        schedule=stored, tasks=len(tasks), image_uri=image_uri, base=base.arn, cluster_arn=description["clusterArn"]
    )


def _read(settings: Settings, stored: Stored, raw: bytes, room: int) -> tuple[Stored, tuple[Task, ...]]:
    name = display_name(settings.bucket, stored)
    return stored, parse_schedule_file(raw, rule_prefix=settings.rule_prefix, max_tasks=room, name=name)
