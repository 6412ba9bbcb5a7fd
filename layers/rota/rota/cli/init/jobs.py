"""The rules and schedules that start an app's jobs today, among all of the account."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from rota.cli.import_schedules import gather, needed
from rota.cli.import_schedules.entry import take_all
from rota.cli.import_schedules.guess import LONGEST_PREFIX, command_of, common_prefix, start_command
from rota.ecs.images import is_of_repository_named

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.import_schedules.entry import Taken
    from rota.cli.import_schedules.job import Job, NotTaken
    from rota.cli.init.parameters import Read
    from rota.ecs.fingerprint import Content


class Jobs(NamedTuple):
    """What rules and schedules say of further parameters, the tasks that they come to, and those that come to none.
    `others`: how many on the cluster are another app's by their tag, by that app; they stay as they are.
    """

    parameters: dict[str, str]
    taken: "list[Taken]"
    not_taken: "list[NotTaken]"
    others: dict[str, int]


def read(account: "Account", service: "Read", given: Mapping[str, str]) -> Jobs:
    """What rules and schedules start today of the service's app.

    `given`: the parameters RulePrefix and StartCommand, where a person says them.
    """
    parameters = service.values
    app = f"{parameters['ClusterName']}/{parameters['ServiceName']}"
    begin = given.get("RulePrefix", "")
    rules, schedules = gather.rules(account, begin), gather.schedules(account, begin)
    jobs, not_taken = gather.jobs(account, rules, app)
    in_scheduler, not_taken_of_it = gather.jobs_of_scheduler(account, schedules, app)
    jobs, not_taken = jobs + in_scheduler, not_taken + not_taken_of_it
    definitions = gather.definitions(account, jobs)
    own = [each for each in jobs if _is_of(each, parameters, definitions)]
    said = {"RulePrefix": _prefix(own, parameters), **_start(own, parameters, definitions), **given}
    place = gather.with_former_roles(gather.place_of({**parameters, **said}, service.base), own)
    if roles := place.settings.former_events_role_arns:
        said["FormerEventsRoleArns"] = ",".join(roles)
    taken, refused = take_all(own, place, definitions)
    said |= needed.parameters(taken, place)
    related = gather.related(rules, schedules, parameters["ClusterName"], place.prefix)
    others = {
        name: owner for name, owner in related.items() if owner and owner != app and not name.startswith(place.prefix)
    }
    not_taken = [each for each in not_taken if each[0] in related and each[0] not in others]
    return Jobs(said, taken, not_taken + refused, dict(Counter(others.values())))


def _prefix(jobs: Iterable["Job"], parameters: Mapping[str, str]) -> str:
    jobs = [*jobs]
    found = common_prefix([each.name for each in jobs if each.in_place])
    found = found or common_prefix([each.name for each in jobs if each.group])
    service = parameters["ServiceName"]
    both = f"{parameters['ClusterName']}__{service}__"
    return found or (both if len(both) <= LONGEST_PREFIX else f"{service[: LONGEST_PREFIX - 2]}__")


def _start(
    jobs: Iterable["Job"], parameters: Mapping[str, str], definitions: "Mapping[str, Content | None]"
) -> dict[str, str]:
    container = parameters["ContainerName"]
    commands = [command_of(each, definitions.get(each.task_definition), container) for each in jobs]
    words = start_command(commands)
    return {"StartCommand": " ".join(words)} if words else {}


def _is_of(job: "Job", parameters: Mapping[str, str], definitions: "Mapping[str, Content | None]") -> bool:
    """Whether a job runs on the app's cluster, and the image of its repository as far as that is known."""
    if job.cluster.rpartition("/")[2] != parameters["ClusterName"]:
        return False
    content, repository = definitions.get(job.task_definition), parameters.get("RepositoryName", "")
    if content is None or job.own_image:
        return True
    return any(is_of_repository_named(each["image"], repository) for each in content["containerDefinitions"])
