"""`rota run before --schedule FILE`: the one-off task of a file, which no deployment need have run, with an image that
was live: its revisions are there still. A command registers none; what only a revision can say cannot be tried so.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from rota.cli import releases
from rota.cli.exits import CommandError, Exit
from rota.cli.import_schedules.gather import place_of
from rota.cli.plan.proposal import checked
from rota.cli.run.release import stored
from rota.cli.run.start import Changes, overrides
from rota.cli.table import Item, is_of_live, version
from rota.ecs import jobs, one_off
from rota.ecs.derive import derive_content
from rota.ecs.fingerprint import Content, contains
from rota.ecs.task_definitions import find_revision
from rota.schedule_file.parse import ANY_NUMBER, parse_whole_file

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.ecs.task_definitions import Revision
    from rota.schedule_file.task import After, Before

# Of a release's revisions: the API's, which runs any job of most apps, and some of its jobs'.
_MOST_READ = 20
# Of a whole task, what overrides can say: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html
_OF_THE_TASK = ("cpu", "memory", "ephemeralStorage", "taskRoleArn")


class Trial(NamedTuple):
    """RunTask's request, without who starts it, and the release whose image runs."""

    request: dict[str, Any]
    release: str


def trial_of(account: "Account", kind: str, file: str, release: str | None, changes: Changes) -> Trial:
    """What tries the file's `before` or `after` with the image of that release; of the live one if it is None.

    CommandError if the file has none, if the image was never live, or if no revision of it can run the task.
    """
    stack, task = account.stack, _task(account, kind, file)
    entry = _entry(account, release)
    named = " ".join(filter(None, (version(entry.get("release")), entry.get("tag")))) or str(entry["digest"])
    found = _revisions(account, entry)
    api = next(found, None)
    if api is None:
        words = f"the revision of {named} is not ACTIVE any more"
        raise CommandError(Exit.NOT_ALLOWED, words, "name another with --release", error="NoRevision")
    settings = place_of(stack.parameters, api).settings
    image = jobs.chosen(api.content, settings)["image"]
    desired = derive_content(api, settings, image, task)
    for revision in (api, *found):
        needed = overrides_for(revision.content, desired, stack.container)
        if needed is not None:
            request = one_off.request_of(task, settings, f"{stack.place('ecs')}:cluster/{stack.cluster}")
            del request["tags"]  # by which a restore may stop it; and a person need not have the right to tag
            changed = overrides(needed, stack.container, changes.environment, changes.command)
            return Trial({**request, "taskDefinition": revision.arn, "overrides": changed}, named)
    words = f"no revision of {named} can run this {kind}: it needs one of its own, for its secrets or containers"
    raise CommandError(Exit.NOT_ALLOWED, words, "a deployment registers it", error="NoRevision")


def overrides_for(content: Content, desired: Content, container: str) -> dict[str, Any] | None:
    """The overrides with which a revision of this content runs what is desired; None if none make it so. Pure."""
    given, wanted = (
        next(each for each in one["containerDefinitions"] if each["name"] == container) for one in (content, desired)
    )
    has, needs = jobs.variables_of(given), jobs.variables_of(wanted)
    command = wanted["command"]
    changed = [{"name": name, "value": value} for name, value in needs.items() if has.get(name) != value]
    whole = {key: desired[key] for key in _OF_THE_TASK if key in desired and desired[key] != content.get(key)}
    variables = [{"name": name, "value": value} for name, value in (has | needs).items()]
    would_run = {
        **content,
        **whole,
        "containerDefinitions": [
            {**each, "command": command, "environment": variables} if each is given else each
            for each in content["containerDefinitions"]
        ],
    }
    if given.get("restartPolicy", {}).get("enabled") or not contains(would_run, desired):
        return None
    more = {"environment": changed} if changed else {}
    return {"containerOverrides": [{"name": container, "command": command, **more}], **whole}


def _task(account: "Account", kind: str, name: str) -> "Before | After":
    content = checked(account, name, "try it")
    file = parse_whole_file(content, rule_prefix=account.stack.rule_prefix, max_tasks=ANY_NUMBER)
    task: Before | After | None = getattr(file, kind)
    if task is None:
        raise CommandError(Exit.MISUSED, f"{name} has no key {kind}", "name a schedule file that has it")
    return task


def _entry(account: "Account", release: str | None) -> Item:
    """The entry of the newest deployment that has made that release live, or the one that is."""
    table = account.table
    live, entries = table.present(0).live, list(table.deployments())
    went_live = [each for each in entries if each["outcome"] == "deployed" and each.get("digest")]
    if release is None:
        if entry := entry_of_live(live, went_live):
            return entry
        raise CommandError(Exit.NOT_ALLOWED, "nothing is live yet", "a deployment runs it", error="NoRelease")
    try:
        return releases.find(went_live, release, live)
    except CommandError:
        if not any(releases.means(each, release) for each in entries):
            raise
    raise CommandError(
        Exit.NOT_ALLOWED,
        f"{release} was never live, so no revision runs its image: a deployment registers one, and deregisters it "
        "if it fails",
        "leave --release out to try it with the live image",
        error="NoRevision",
    )


def entry_of_live(live: Item | None, went_live: Iterable[Item]) -> Item | None:
    """The deployment that is live, by what is kept of releases: the ledger forgets it after HistoryDays. None if
    nothing is. Pure.
    """
    if live is None or not live.get("live_plan"):  # a version of Rota before this one wrote it
        return next((each for each in went_live if is_of_live(each, live)), None)
    made = {"plan": live["live_plan"], "revisions": live.get("live_revisions")}
    return {"release": live["number"], "tag": live.get("live_tag"), "digest": live["live_digest"], "deployment": made}


def _revisions(account: "Account", entry: Item) -> "Iterator[Revision]":
    """The ACTIVE revisions of a release, the API's first; none at all if that is not ACTIVE."""
    record, ecs = entry.get("deployment") or {}, account.client("ecs")
    plan, registered = stored(account, record.get("plan")), stored(account, record.get("revisions"))
    arns = {**plan.get("reused", {}), **registered.get("revisions", {})}
    api = arns.pop(plan.get("api"), None)
    revision = find_revision(ecs, api) if api else None
    if revision and revision.active:
        yield revision
        read = (find_revision(ecs, arn) for arn in islice(arns.values(), _MOST_READ))
        yield from (each for each in read if each and each.active)
