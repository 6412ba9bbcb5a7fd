"""Why a task runs when and as it does."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rota.aws.parallel import thread_pool
from rota.cli import live_schedules, releases, time_text
from rota.cli import table as items
from rota.cli.explain.deployment import who
from rota.cli.explain.model import Explanation, Link
from rota.cli.local_file.lines import line_of
from rota.cli.pauses import PastPause, due_in, past
from rota.cli.status import tasks
from rota.cli.status.gather import are_live, pause_of
from rota.cli.status.model import BAD
from rota.cli.table import Item
from rota.ownership import OWNER_TAG
from rota.schedule_file.next_runs import in_words, written
from rota.schedule_file.when import when_of_aws

if TYPE_CHECKING:
    from rota.cli.frame import Account
    from rota.cli.stack import Stack

_RUNS = 20
_LINES = 10
_RECENT = timedelta(days=7)
_LEDGER = 50
"""Entries in which the one that registered a revision is looked for."""


class TaskFacts:
    """What AWS and the table say of a task, asked side by side."""

    def __init__(self, account: "Account", task: str) -> None:
        self.account, self.stack, self.task = account, account.stack, task
        table = account.table
        of_app = live_schedules.Schedules(account, self.stack)
        with thread_pool() as pool:
            rule = pool.submit(of_app.read, task)
            runs = pool.submit(table.runs, task, _RUNS)
            present = pool.submit(table.present, _LEDGER)
            pauses = pool.submit(table.pauses)
            swept = pool.submit(table.jobs_live_since)
            self.job: Item | None = table.jobs().get(task)
            self.rule = rule.result()
            self.runs = runs.result()
            now = present.result()
            self.paused = pause_of(pauses.result().get(task))
        self.live, self.lease, self.ledger = now
        self.is_compared = are_live(now, swept.result())

    @property
    def is_known(self) -> bool:
        return bool(self.rule or self.job or self.runs)

    @cached_property
    def past_pause(self) -> PastPause | None:
        """The last pause that is over, for a week."""
        now = self.account.now()
        last = next(iter(past(self.ledger, self.task, now)), None)
        return last if last and not self.paused and now - last.ended <= _RECENT else None

    @cached_property
    def due_in_pause(self) -> list[datetime]:
        """When the task was due in that."""
        if not (self.past_pause and self.rule):
            return []
        run = items.at(self.runs[0], "scheduled_at") if self.runs else None
        return due_in(self.past_pause, when_of_aws(self.rule), run)


def explain(facts: TaskFacts, *, utc: bool) -> Explanation:
    """From the rule to the schedule file, the revision, the release and the runs."""
    rule, now = facts.rule, facts.account.now()
    found = tasks.status(facts.task, rule, facts.job, facts.runs, facts.paused, now, compared=facts.is_compared)
    chain = [
        *_rule_links(facts),
        *_pause_links(facts, utc=utc),
        *_past_pause_links(facts, now, utc=utc),
        *_file_links(facts, utc=utc),
        *_revision_links(facts),
        *_run_links(facts, found.strip, now, utc=utc),
    ]
    chain += [Link("by hand", facts.task, words) for words in found.drift]
    return Explanation(
        "task", facts.task, _headline(facts, found.next, now, utc=utc), chain, [*_advice(facts, found.drift)]
    )


def _headline(facts: TaskFacts, following: datetime | None, now: datetime, *, utc: bool) -> str:
    if facts.rule is None:
        return f"{facts.task} does not run: it has no schedule"
    when = in_words(when_of_aws(facts.rule).from_now_on(now))
    if facts.paused:
        return f"{facts.task} does not run: it is paused ({when})"
    if facts.rule["State"] == "DISABLED":
        return f"{facts.task} does not run: its {live_schedules.noun(facts.rule)} is disabled ({when})"
    return f"{facts.task} runs {when}" + (f", next {time_text.clock(following, now, utc=utc)}" if following else "")


def _rule_links(facts: TaskFacts) -> Iterator[Link]:
    rule = facts.rule
    if rule is None:
        yield Link("rule", facts.stack.rule_prefix + facts.task, "there is none of this name")
        return
    owner = rule["tags"].get(OWNER_TAG)
    if "GroupName" in rule:
        whose = f"Rota's own, in its group {rule['GroupName']}"
    elif owner == facts.stack.app:
        whose = f"Rota's own, by its tag {OWNER_TAG}={owner}"
    else:
        whose = f"not Rota's: {f'its tag {OWNER_TAG} is {owner}' if owner else f'it has no tag {OWNER_TAG}'}"
    yield Link(live_schedules.noun(rule), rule["Name"], f"{written(when_of_aws(rule))}, {rule['State']}; {whose}")
    for target in rule["targets"][:1]:
        role = target.get("RoleArn", "").rpartition("/")[2]
        yield Link(
            "target", target["Arn"].rpartition("/")[2], f"EventBridge starts the task there with the role {role}"
        )
    if len(rule["targets"]) > 1:
        yield Link("target", f"{len(rule['targets']) - 1} more", "not Rota's; the next deployment says so")


def _pause_links(facts: TaskFacts, *, utc: bool) -> Iterator[Link]:
    if paused := facts.paused:
        since = f"since {time_text.whole(paused.since, utc=utc)}" if paused.since else ""
        until = f"until {time_text.whole(paused.until, utc=utc)}" if paused.until else "until a person resumes it"
        why = f': "{paused.reason}"' if paused.reason else ""
        yield Link("paused", f"by {paused.by}" if paused.by else "", f"{' '.join(filter(None, (since, until)))}{why}")


def _past_pause_links(facts: TaskFacts, now: datetime, *, utc: bool) -> Iterator[Link]:
    """The last pause that is over, and which runs it has cost."""
    if pause := facts.past_pause:
        since, ended = (time_text.whole(each, utc=utc) for each in (pause.since, pause.ended))
        why = f': "{pause.reason}"' if pause.reason else ""
        ends = f", when {pause.ended_by} resumed it" if pause.ended_by else ""
        cost = cost_of_a_pause(facts.due_in_pause, now, utc=utc)
        yield Link("was paused", f"by {pause.by}" if pause.by else "", f"{since} to {ended}{ends}{why}{cost}")


def cost_of_a_pause(due: Sequence[datetime], now: datetime, *, utc: bool) -> str:
    """`; 2 runs did not start, the last one due 06:00`; empty if none was due. Pure."""
    if not due:
        return ""
    last = time_text.clock(due[-1], now, utc=utc)
    if len(due) == 1:
        return f"; one run, due {last}, did not start"
    return f"; {len(due)} runs did not start, the last one due {last}"


def nothing_ran_since(due: Sequence[datetime], runs: Iterable[Item]) -> bool:
    """Whether none of these runs began after the last of these times. Pure."""
    return bool(due) and not any((items.at(each, "created_at") or due[-1]) > due[-1] for each in runs)


def _file_links(facts: TaskFacts, *, utc: bool) -> Iterator[Link]:
    live = facts.live
    if not live:
        return
    key, version = live["live_schedule_key"], live["live_schedule_version"]
    found = stored_file(facts.account, facts.stack, key, version)
    if isinstance(found, str):
        yield Link("schedule file", key, f"version {version} is live; {found}")
        return
    if found is None:
        yield Link("schedule file", key, f"version {version} is live, and is not in the bucket any more")
        return
    text, modified = found
    where = line_of(text, facts.task) or "which has no such task"
    yield Link("schedule file", key, f"{where}; version {version} of {time_text.whole(modified, utc=utc)} is live")


def _revision_links(facts: TaskFacts) -> Iterator[Link]:
    arn = (
        facts.rule["targets"][0].get("EcsParameters", {}).get("TaskDefinitionArn")
        if facts.rule and facts.rule["targets"]
        else None
    )
    if not arn:
        return
    described = facts.account.client("ecs").describe_task_definition(taskDefinition=arn, include=["TAGS"])
    definition, tags = described["taskDefinition"], {each["key"]: each["value"] for each in described.get("tags", ())}
    containers = definition["containerDefinitions"]
    image = next((each["image"] for each in containers if each["name"] == facts.stack.container), "?")
    sizes = ", ".join(f"{name} {definition[name]}" for name in ("cpu", "memory") if name in definition)
    yield Link("revision", arn.rpartition("/")[2], f"runs {_short(image)}; {definition['status']}, {sizes}")
    execution = tags.get("rota:execution")
    made = next((each for each in facts.ledger if str(each["execution"]).endswith(f":{execution}")), None)
    if made:
        what = " ".join(filter(None, (items.version(made.get("release")), made.get("tag"))))
        because = f"registered this revision: {who(made)}, {made['outcome']}; {made.get('summary', '')}"
        yield Link("release", what or "-", because)
        base = _base(facts, made)
        if base:
            yield Link("base", base, "everything that the schedule file does not say comes from this revision")
    elif execution:
        yield Link("execution", execution, "registered this revision; the ledger does not have it any more")
    else:
        yield Link("revision", arn.rpartition("/")[2], "was not registered by Rota")


def _short(image: str) -> str:
    """`shop@sha256:1aa185c44710`."""
    name, _, digest = image.rpartition("/")[2].partition("@sha256:")
    return f"{name}@sha256:{digest[:12]}" if digest else name


def _base(facts: TaskFacts, entry: Item) -> str:
    """The revision from which the release derived its own, from the plan that it stored."""
    stored = (entry.get("deployment") or {}).get("plan")
    if not stored:
        return ""
    found = stored_file(facts.account, facts.stack, stored["key"], stored["version_id"])
    return str(json.loads(found[0])["base"]["arn"]).rpartition("/")[2] if isinstance(found, tuple) else ""


def _run_links(facts: TaskFacts, strip: str, now: datetime, *, utc: bool) -> Iterator[Link]:
    if not facts.stack.watches_runs:
        yield Link("runs", "-", "are not watched: the stack's parameter WatchRuns is false")
        return
    if not facts.runs:
        yield Link("runs", "-", "none is recorded yet")
        return
    yield from links_of_last_run(facts.runs[0], now, utc=utc)
    if facts.runs[0]["status"] in BAD:
        yield from _log_links(facts, facts.runs[0])
    good = sum(each["status"] == "ok" for each in facts.runs)
    yield Link("runs", strip, f"the last {len(facts.runs)}, the newest right; {good} ok")
    incident = (facts.job or {}).get("incident")
    if incident and not incident.get("recovered"):
        yield Link("incident", incident["id"], _since(incident))


def links_of_last_run(last: Item, now: datetime, *, utc: bool) -> Iterator[Link]:
    """What became of it, in Rota's words and in AWS's own."""
    due, reason = items.at(last, "scheduled_at") or now, last.get("reason") or {}
    why = reason.get("words", "")
    code = f", exit code {last['exit_code']}" if last.get("exit_code") is not None and not why else ""
    status = last["status"].replace("_", " ")
    yield Link("last run", time_text.clock(due, now, utc=utc), f"{status}{code}{f': {why}' if why else ''}")
    if reason.get("aws"):
        yield Link("AWS says", "", reason["aws"])


def _log_links(facts: TaskFacts, last: Item) -> Iterator[Link]:
    """The last lines that a run has logged, masked; or why they are not to be seen."""
    from botocore.exceptions import ClientError

    from rota.cli.aws_errors import denial, is_denied, is_passing
    from rota.cli.logs.task_log import TaskLog, secrets_of_runs

    if not (last.get("task_arn") and last.get("revision")):  # it did not begin
        return
    try:
        secrets = secrets_of_runs(facts.account, [last["task_arn"]], facts.rule)
        log = TaskLog(facts.account, last["task_arn"], last["revision"], secrets)
        lines, why_not = log.last(_LINES), log.why_not
    except ClientError as error:
        why_not = f"not to be seen: {denial(error)} is denied" if is_denied(error) else f"not to be seen: {error}"
        lines, why_not = [], "could not be read just now" if is_passing(error) else why_not
    for text in lines or [why_not or "it has logged nothing"]:
        yield Link("log", "", text)


def _since(incident: Mapping[str, Any]) -> str:
    """Since when and which release the job fails."""
    runs = int(incident.get("runs", 1))
    begun = _named(incident["first"].get("release"))
    good = _named((incident.get("last_good") or {}).get("release"))
    before = f"; the last good run was on {good}" if good else ""
    return f"{runs} bad {'run' if runs == 1 else 'runs'}, the first on {begun or 'an unknown release'}{before}"


def _named(release: Mapping[str, Any] | None) -> str:
    if not release:
        return ""
    return items.version(release.get("number")) or release.get("tag") or str(release["digest"])[:19]


def _advice(facts: TaskFacts, drift: list[str]) -> Iterator[str]:
    if facts.paused:
        yield f"end the pause: rota resume {facts.task}{facts.account.options}"
    if facts.live and drift:
        again = releases.deploy_live(facts.live["live_digest"])
        yield f"put it as the schedule file has it: {again}{facts.account.options}"
    last = facts.runs[0] if facts.runs else {}
    todo = (last.get("reason") or {}).get("todo")
    if todo:
        yield todo
    if last and last["status"] in BAD:
        if last.get("task_arn"):  # what did not begin has none
            yield f"its log: rota logs {facts.task}{facts.account.options}"
        yield f"run it once more: rota run {facts.task}{facts.account.options}"
    elif nothing_ran_since(facts.due_in_pause, facts.runs):
        yield f"run it once for what was due in the pause: rota run {facts.task}{facts.account.options}"


def stored_file(account: "Account", stack: "Stack", key: str, version: str) -> tuple[str, datetime] | str | None:
    """The text of an object's version and when it was written; why it is not to be seen; None if it is gone."""
    from botocore.exceptions import ClientError

    from rota.cli.aws_errors import denial, is_denied
    from rota.deployment.artifacts import is_gone

    try:
        found = account.client("s3").get_object(Bucket=stack.bucket, Key=key, VersionId=version)
    except ClientError as error:
        if is_gone(error):
            return None
        if is_denied(error):
            return f"not to be seen: {denial(error)} is denied"
        raise
    return found["Body"].read().decode(errors="replace"), found["LastModified"]
