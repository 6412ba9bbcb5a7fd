"""ReadConfig: gathers the whole current state once, and checks everything before anything is written."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.parallel import thread_pool
from rota.contract.deployment import Image, Pinned, Stored
from rota.contract.step_io import ReadConfigInput, ReadConfigOutput
from rota.deployment import artifacts, named_file
from rota.deployment.ledger import ledger_of
from rota.deployment.live_revisions import live_revisions, recorded_by
from rota.ecr.image import resolve_image
from rota.ecs import arns, cluster, secrets, service, service_deployments, task_definitions
from rota.ecs.reusable import find_reusable, list_ahead
from rota.errors import listed
from rota.handlers.step import step
from rota.plan import checks
from rota.plan.current_state import CurrentState
from rota.plan.problems import Problems
from rota.schedule_file.parse import ANY_NUMBER, parse_whole_file
from rota.schedule_file.s3 import candidate_keys, display_name, find_schedule_file
from rota.schedule_file.task import Runnable, ScheduleFile, Task
from rota.schedules import backend
from rota.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef
    from mypy_boto3_s3 import S3Client

    from rota.deployment.live_revisions import LiveArtifacts
    from rota.ecs.reusable import Reusable
    from rota.ecs.task_definitions import Revision


@step
def handler(request: ReadConfigInput, settings: Settings) -> ReadConfigOutput:
    problems, began = Problems(), datetime.now(UTC)
    with thread_pool() as pool:
        # First what begins the longest chain of calls; each client is made when its first call is about to be sent.
        reading = backend.connect(settings).inventory(pool)
        ecs = clients.ecs()
        describing = pool.submit(service.read_service, ecs, settings)
        serving = pool.submit(lambda: _served(ecs, describing.result()))
        listing = pool.submit(task_definitions.list_active, ecs, settings.family)
        s3 = clients.s3()
        reading_artifacts = pool.submit(_read_artifacts, s3, settings, request.pinned)
        listing_ahead = pool.submit(
            lambda: list_ahead(listing.result(), reading_artifacts.result().revisions, settings.family)
        )
        refusing = pool.submit(ledger_of(settings, request.execution).refuse_redrive)
        finding = pool.submit(_find_schedule_file, s3, settings, request.image, request.pinned)
        resolving = pool.submit(resolve_image, clients.ecr(), request.image)

    refusing.result()
    inventory = reading()
    schedules, paused = _as_if_not_paused(settings, inventory.schedules, began)
    read = problems.gather(lambda: _parse(settings, *finding.result(), inventory.slots(settings)))
    image_uri, description = problems.gather(resolving.result), problems.gather(describing.result)
    stored, tasks, stay = _as_they_stay(request.pinned, settings, read, schedules)
    runnable = (*tasks, *(read[1].one_offs if read else ()))
    if not (request.pinned and request.pinned.name):  # a release that is brought back may have a time that is past
        problems.add_for_author(checks.problems_of_past_times(settings, tasks, schedules, began))
    problems.add_for_author(checks.problems_of_actions(settings, tasks))
    problems.add_for_author(checks.problems_of_events_role(settings, tasks))
    problems.add_for_author(
        [
            *checks.problems_of_roles(settings, runnable),
            *checks.problems_of_networks(settings, runnable, _vpcs(settings, runnable)),
        ]
    )
    problems.add_for_author(_of_moves(settings, tasks, inventory.schedules, schedules))
    problems.add_for_operator(inventory.problems([backend.name_of(task, settings) for task in tasks], settings))
    reusable = base = served = None
    if description:
        problems.add_for_operator(checks.problems_of_service(description, settings))
        if any(task.capacity_provider for task in runnable):
            of_cluster = cluster.capacity_providers(ecs, settings.cluster)
            problems.add_for_author(checks.problems_of_capacity_providers(settings, runnable, of_cluster))
        served = serving.result()
    if description and served:
        in_use = {*backend.revisions_of(inventory.schedules.values()), served.arn}
        live = reading_artifacts.result()
        reusable = find_reusable(ecs, settings, listing_ahead.result(), in_use, live.revisions, read=(served,))
        problems.add_for_operator(_problems_of_takeovers(settings, tasks, inventory.schedules, reusable))
        problems.add_for_operator(_problems_of_kept(settings, tasks, schedules, live, reusable))
        # What was recorded is Rota's own, and no base.
        candidates = [
            arn for arn in reusable.active if arn not in live.revisions and not arns.is_among(arn, live.own_numbers)
        ]
        today = task_definitions.find_base(ecs, served, candidates, by_hand=_is_by_hand(served, live))
        base = live.base or today
        _check_base(base, served, problems, settings, tasks, runnable, image_uri)
        missing = _missing_secrets(settings, runnable, description["clusterArn"])
        problems.add_for_author(
            checks.problems_of_secrets(settings, base, runnable, description["clusterArn"], missing)
        )
        problems.add_for_operator(checks.problems_of_published_ports(description, base, settings))

    if problems or not (stored and image_uri and description and base and served and reusable):
        problems.raise_all()
    state = CurrentState(
        tasks=tasks,
        before=read[1].before if read else None,
        after=read[1].after if read else None,
        with_before=request.with_before,
        image_uri=image_uri,
        cluster_arn=description["clusterArn"],
        base=base,
        base_today=today if live.base else None,
        remark=request.remark,
        served=served,
        breaks_circuit=service.breaks_circuit(description),
        rollout_remarks=tuple(service_deployments.remarks(description)),
        service=service.state_of_service(description),
        schedules=schedules,
        paused=paused,
        advice=(*_advice(settings, tasks, schedules, began), *stay),
        reusable=reusable.recorded,
        unrecorded=reusable.unrecorded,
        newest_revision=reusable.newest,
        registered=reusable.registered,
        retry_policy_set_by_rota=live.retry_policy_set,
        set_by_keys=dict(live.set_by_keys),
        said_of_revisions=dict(live.said_of_revisions),
        own_numbers=dict(live.own_numbers),
    )
    return ReadConfigOutput(
        schedule=stored,
        tasks=len(tasks),
        image_uri=image_uri,
        base=base.arn,
        state=artifacts.write(s3, settings.bucket, request.execution, "state", state),
    )


def _as_they_stay(
    pinned: Pinned | None,
    settings: Settings,
    read: tuple[Stored, ScheduleFile] | None,
    schedules: "Mapping[str, backend.Schedule]",
) -> tuple[Stored | None, tuple[Task, ...], tuple[str, ...]]:
    """What was read of the schedule file. The tasks of a release that is brought back stay in Scheduler where they are
    there now, so that no move prevents it; and which do so, in words.
    """
    if read is None:
        return None, (), ()
    stored, found = read[0], read[1].tasks
    if not (pinned and pinned.name):
        return stored, found, ()
    tasks = tuple(backend.staying(task, settings, schedules) for task in found)
    if names := [task.name for task, before in zip(tasks, found, strict=True) if task is not before]:
        return stored, tasks, (f"stays in EventBridge Scheduler, where no rule can take over at once: {listed(names)}",)
    return stored, tasks, ()


def _as_if_not_paused(
    settings: Settings, schedules: "Mapping[str, backend.Schedule]", began: datetime
) -> "tuple[Mapping[str, backend.Schedule], tuple[str, ...]]":
    """The schedules as they are but for pauses, which the steps that write look at; and the pauses in words."""
    if all(map(backend.is_enabled, schedules.values())):
        return schedules, ()
    # Here, because few apps have a schedule that is off, and each module costs a cold start.
    from rota.pauses.model import sentences  # noqa: PLC0415
    from rota.pauses.table import pauses_of  # noqa: PLC0415
    from rota.pauses.writing import without_pauses  # noqa: PLC0415

    pauses = pauses_of(settings).read()
    names = set(map(backend.plain_name, schedules))
    in_force = [pause for pause in pauses.values() if pause.is_in_force and settings.rule_prefix + pause.task in names]
    return without_pauses(settings, schedules, pauses, began), tuple(sentences(in_force))


def _advice(
    settings: Settings, tasks: tuple[Task, ...], schedules: "Mapping[str, backend.Schedule]", now: datetime
) -> "Iterator[str]":
    """What authors should know of when tasks run that are new in EventBridge Scheduler, or change there."""
    for task in tasks:
        current = schedules.get(backend.name_of(task, settings))
        known = backend.when_of(current) if current else None
        if (
            task.enabled
            and task.scheduler_keys
            and (known is None or known._replace(start=None) != task.when._replace(start=None))
        ):
            from rota.schedule_file.advice import advice  # noqa: PLC0415  here, because few files name a zone

            yield from (f"{task.name}: {remark}" for remark in advice(task, now))


def _vpcs(settings: Settings, tasks: tuple[Runnable, ...]) -> dict[str, str]:
    """The VPCs of the networks that tasks name, and of the stack's; empty if none may."""
    named = [task for task in tasks if task.network]
    if not named or settings.task_networks == "stack":
        return {}
    from rota.ecs.network import vpcs  # noqa: PLC0415  here, because few files need it, and it costs a cold start

    return vpcs(
        clients.ec2(),
        [*settings.subnets, *(each for task in named for each in task.subnets or ())],
        [*settings.security_groups, *(each for task in named for each in task.security_groups or ())],
    )


def _missing_secrets(settings: Settings, tasks: tuple[Runnable, ...], cluster_arn: str) -> set[str]:
    """The ARNs of secrets that tasks name, of the cluster's account and Region, and that are not there."""
    named = {arn for task in tasks for arn in secrets.arns_of(task, cluster_arn).values()}
    here = cluster_arn.split(":")[3:5]
    seen = {arn for arn in named if arn.split(":")[3:5] == here and secrets.is_allowed(arn, settings.secrets_allowed)}
    return secrets.missing(clients.secretsmanager(), clients.ssm(), seen) if seen else set()


def _of_moves(
    settings: Settings,
    tasks: tuple[Task, ...],
    schedules: "Mapping[str, backend.Schedule]",
    not_paused: "Mapping[str, backend.Schedule]",
) -> "Iterator[str]":
    """What keeps schedules from moving to the other backend. `not_paused`: as they would be if none were paused."""
    there: dict[str, list[backend.Schedule]] = {}
    for name, schedule in schedules.items():
        there.setdefault(backend.plain_name(name), []).append(schedule)
    for task in tasks:
        name = backend.name_of(task, settings)
        for current in there.get(backend.plain_name(name), ()):
            if current.name != name and not backend.is_on(name, not_paused):
                is_paused = current != not_paused[current.name]
                yield from backend.problems_of_move(task, settings, current, is_paused=is_paused)


def _problems_of_takeovers(
    settings: Settings,
    tasks: tuple[Task, ...],
    schedules: "Mapping[str, backend.Schedule]",
    reusable: "Reusable",
) -> "Iterator[str]":
    """What cannot stay of the schedules that are taken over."""
    for task in tasks:
        current = schedules.get(_rule_of(task, settings))
        if current and backend.taken_over(current, reusable.registered):
            yield from backend.problems_of_takeover(current, task, settings)


def _problems_of_kept(
    settings: Settings,
    tasks: tuple[Task, ...],
    schedules: "Mapping[str, backend.Schedule]",
    live: "LiveArtifacts",
    reusable: "Reusable",
) -> "Iterator[str]":
    """What stays of schedules and the role that starts their tasks may not do, and what is lost in a move."""
    for task in tasks:
        name = _rule_of(task, settings)
        if current := schedules.get(name):
            set_before = live.set_by_keys.get(name, ())
            kept = backend.rights_of_kept(current, task, settings, set_before)
            yield from checks.problems_of_kept_rights(settings, task, kept)
            if backend.is_on(backend.name_of(task, settings), schedules):
                continue  # what a move left beside it goes, and is nothing of the job's
            sets_retry = backend.set_retry_before(name, current, live.retry_policy_set, reusable.registered)
            yield from backend.problems_of_lost(current, task, settings, set_before, sets_retry=sets_retry)


def _rule_of(task: Task, settings: Settings) -> str:
    """The name of the task's rule, or of the one that goes when it moves to Scheduler."""
    return backend.plain_name(backend.name_of(task, settings))


def _read_artifacts(s3: "S3Client", settings: Settings, pinned: Pinned | None) -> "LiveArtifacts":
    """What the live deployment recorded, and what the release did that is brought back, with its base."""
    live = live_revisions(clients.dynamodb(), s3, settings)
    return recorded_by(s3, settings.bucket, pinned.plan, pinned, live) if pinned and pinned.plan else live


def _find_schedule_file(
    s3: "S3Client", settings: Settings, image: Image, pinned: Pinned | None
) -> tuple[Stored, bytes]:
    """The schedule file of today, or the version that is to be deployed."""
    if pinned:
        return pinned.schedule, named_file.read(s3, settings.bucket, pinned.schedule)
    return find_schedule_file(s3, settings.bucket, candidate_keys(settings.schedule_keys, image))


def _parse(settings: Settings, stored: Stored, raw: bytes, slots: int) -> tuple[Stored, ScheduleFile]:
    name, rules = display_name(settings.bucket, stored), slots if settings.schedules_in == "rules" else ANY_NUMBER
    return stored, parse_whole_file(raw, rule_prefix=settings.rule_prefix, max_tasks=rules, name=name)


def _served(ecs: "ECSClient", description: "ServiceTypeDef") -> "Revision | None":
    """What the service runs. A service of the controller EXTERNAL has no revision of its own."""
    arn = description.get("taskDefinition")
    return task_definitions.read_revision(ecs, arn) if arn else None


def _is_by_hand(served: "Revision", live: "LiveArtifacts") -> bool:
    """Whether a person has rolled the service, as far as the record shows."""
    return bool(live.revisions) and served.arn not in live.revisions and not served.replaces


def _check_base(
    base: "Revision",
    served: "Revision",
    problems: Problems,
    settings: Settings,
    tasks: tuple[Task, ...],
    runnable: tuple[Runnable, ...],
    image_uri: str | None,
) -> None:
    """Add whatever is wrong with the base of new revisions, or with what the tasks make of it."""
    problems.add_for_operator(checks.problems_of_deriving_revisions(base, settings))
    problems.add_for_operator(checks.problems_of_starting_tasks(base, settings, runnable))
    problems.add_for_operator(checks.problems_of_entry_point(base, settings, runnable))
    if base != served:  # a restore brings the service back to it
        problems.add_for_operator(checks.problems_of_task_roles(served, settings))
    problems.add_for_author(checks.problems_of_sizes(base, settings, runnable))
    problems.add_for_author(checks.problems_of_execute_command(base, tasks))
    problems.add_for_author(checks.problems_of_platform(base, settings, runnable))
    problems.add_for_author(checks.problems_of_task_tags(base, settings, tasks))
    if image_uri:
        problems.add_for_author(checks.problems_of_lengths(base, settings, image_uri, runnable))
