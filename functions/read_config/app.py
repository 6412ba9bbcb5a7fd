"""ReadConfig: reads the schedule file at one version and checks everything before anything is written."""

from rota import aws, bus, ecr, preflight, revisions, schedule, service, source
from rota.models import Image, ReadConfigInput, ReadConfigOutput, Stored
from rota.settings import Settings
from rota.step import step
from rota.task import Task


@step
def handler(request: ReadConfigInput, settings: Settings) -> ReadConfigOutput:
    faults = preflight.Faults()
    every_rule = bus.names(aws.events(), "")
    prefixed = [rule for rule in every_rule if rule["Name"].startswith(settings.rule_prefix)]
    owners = bus.owners(aws.events(), prefixed, bus.listed(aws.tagging(), settings.app))
    room = max(0, settings.rule_quota - len(every_rule) + list(owners.values()).count(settings.app))

    read = faults.gather(lambda: _schedule(settings, request.image, room))
    image_uri = faults.gather(lambda: ecr.uri(aws.ecr(), request.image))
    description = faults.gather(lambda: service.read(aws.ecs(), settings))
    tasks = read[1] if read else ()
    faults.blame_operator(
        preflight.of_names((settings.rule_prefix + task.name for task in tasks), owners, settings.app)
    )
    base = None
    if description:
        faults.blame_operator(preflight.of_service(description, settings))
        base = revisions.base(aws.ecs(), description["taskDefinition"])
        faults.blame_operator(preflight.of_definition(base, settings))
        faults.blame_author(preflight.of_sizes(base, settings, tasks))

    if faults or read is None or image_uri is None or description is None or base is None:
        faults.complain()
    return ReadConfigOutput(
        schedule=read[0],
        tasks=len(tasks),
        image_uri=image_uri,
        base=base.arn,
        cluster_arn=description["clusterArn"],
    )


def _schedule(settings: Settings, image: Image, room: int) -> tuple[Stored, tuple[Task, ...]]:
    stored, raw = source.find(aws.s3(), settings.bucket, source.keys(settings.schedule_keys, image))
    return stored, schedule.read(raw, rule_prefix=settings.rule_prefix, max_tasks=room)
