"""ReadConfig: reads the schedule file at one version and checks everything before anything is written."""

from rota import aws, bus, ecr, preflight, revisions, schedule, service, source, tag_index
from rota.faults import Faults
from rota.models import ReadConfigInput, ReadConfigOutput, Stored
from rota.settings import Settings
from rota.step import step
from rota.task import Task


@step
def handler(request: ReadConfigInput, settings: Settings) -> ReadConfigOutput:
    keys = source.keys(settings.schedule_keys, request.image)
    with aws.threads() as pool:
        naming = pool.submit(bus.list_rules, aws.events(), "")
        listing = pool.submit(tag_index.tags_of_rules, aws.tagging(), settings.app)
        describing = pool.submit(service.read, aws.ecs(), settings)
        finding = pool.submit(source.find, aws.s3(), settings.bucket, keys)
        resolving = pool.submit(ecr.uri, aws.ecr(), request.image)
    every_rule = naming.result()
    prefixed = [rule for rule in every_rule if rule["Name"].startswith(settings.rule_prefix)]
    owners = bus.owners(aws.events(), prefixed, listing.result())
    room = max(0, settings.rule_quota - len(every_rule) + list(owners.values()).count(settings.app))

    faults = Faults()
    read = faults.gather(lambda: _read(settings, *finding.result(), room))
    image_uri = faults.gather(resolving.result)
    description = faults.gather(describing.result)
    stored, tasks = read or (None, ())
    names = [rule["Name"] for rule in every_rule]
    faults.blame_operator(preflight.of_prefix(names, listing.result(), settings.rule_prefix))
    wanted = [settings.rule_prefix + task.name for task in tasks]
    faults.blame_operator(preflight.of_names(wanted, owners, bus.managers(prefixed), settings.app))
    base = None
    if description:
        faults.blame_operator(preflight.of_service(description, settings))
    if description and "taskDefinition" in description:  # one of the controller EXTERNAL has none
        served = revisions.read(aws.ecs(), description["taskDefinition"])
        base = revisions.base(aws.ecs(), served)
        faults.blame_operator(preflight.of_definition(base, settings))
        faults.blame_operator(preflight.of_targets(base, settings, tasks))
        if base != served:  # to which a restore brings the service back
            faults.blame_operator(preflight.of_task_roles(served, settings))
        faults.blame_author(preflight.of_sizes(base, settings, tasks))
        if image_uri:
            faults.blame_author(preflight.of_lengths(base, settings, image_uri, tasks))

    if faults:  # one message for all: PlanDeployment, which looks at the rules' targets, will not be reached
        ours = [rule for rule in prefixed if owners.get(rule["Name"]) == settings.app]
        faults.blame_operator(preflight.of_roles(bus.read(aws.events(), ours, listing.result()).values(), settings))
    if faults or stored is None or image_uri is None or description is None or base is None:
        faults.complain()
    return ReadConfigOutput(
        schedule=stored, tasks=len(tasks), image_uri=image_uri, base=base.arn, cluster_arn=description["clusterArn"]
    )


def _read(settings: Settings, stored: Stored, raw: bytes, room: int) -> tuple[Stored, tuple[Task, ...]]:
    name = source.name(settings.bucket, stored)
    return stored, schedule.read(raw, rule_prefix=settings.rule_prefix, max_tasks=room, name=name)
