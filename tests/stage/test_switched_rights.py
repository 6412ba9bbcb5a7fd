"""For every combination of the parameters that switch rights: no call is denied, and no right is there in vain.

Each play is recorded once, on a stack that has only the rights which it asks for. What a stack with more rights calls
is what all plays call that need none but its own; so every combination is judged by records.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from examples.guestbook.client import Client
from stage import process
from stage.client import wait_for
from stage.iam.evaluation import Statement
from stage.moto.clients import ACCOUNT, REGION
from tests.processes import FORKS
from tests.stage import audit, scenarios
from tests.stage.account import PREFIX, schedules
from tests.stage.test_reporting import EVERY_MINUTE, heard, listen, reported_within
from tests.stage.updated import updated
from tests.stage.with_actions.played import ENTERED, LATE, STUCK, TAGGED, play
from tests.template import TEMPLATE

pytestmark = pytest.mark.permissions
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
CHAT = f"arn:aws:sns:{REGION}:{ACCOUNT}:chat"
FORMER = f"{ROLE}/script-events"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/guestbook:*"
SECRETS = (
    f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:guestbook/*",
    f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/guestbook/*",
)
SWITCHES: dict[str, tuple[str, ...]] = {
    "WatchRuns": ("false", "true"),
    "RunActions": ("none", "stop", "start", "both"),
    "EventsRoleAllows": ("", "tags", "exec", "tags,exec"),
    "EventsRoleArn": ("", f"{ROLE}/of-another-stack"),
    "FormerEventsRoleArns": ("", FORMER),
    "TaskNetworks": ("stack", "any"),
    "SecretsAllowed": ("", ",".join(SECRETS)),
    "ExplainMissed": ("false", "true"),
    "JobLogGroups": ("", LOGS),
    "ChatTopicArn": ("", CHAT),
}
"""By parameter its values, of which the first switches nothing on. DeployOnScheduleChange gives rights to a role of its
own alone, for which `test_switched_on` looks.
"""
NOTHING = {name: values[0] for name, values in SWITCHES.items()}
EVERYTHING = {name: values[-1] for name, values in SWITCHES.items()} | {"EventsRoleArn": ""}
JOB = {"name": "Report", "task": "spam_task", "rate": "1 day"}
DENIED = {"service": "ecs", "operation": "UpdateService", "caller": "RollService", "fault": "denied"}


def fired(**keys: Any) -> scenarios.Scenario:
    """Jobs with these keys are deployed, restored when the next deployment fails, and started by both services."""

    def scenario(stage: Client) -> None:
        jobs = [{**JOB, **keys}, scenarios.zoned({**JOB, **keys, "name": "Zoned"})]
        stage.upload_schedule({"tasks": jobs})
        assert stage.deploy("v1")["status"] == "SUCCEEDED"
        stage.faults([DENIED])
        stage.upload_schedule({"tasks": [{**jobs[0], "rate": "2 days"}, {**jobs[1], "timezone": "Asia/Tokyo"}]})
        assert stage.deploy("v2")["status"] == "FAILED"
        for schedule in (f"{PREFIX}Report", scenarios.in_group(stage, "Zoned")):
            assert stage.fire(schedule).get("task_arn")

    return scenario


def watched_before(stage: Client) -> None:
    """A schedule still sends the starts that are given up to the queue, as when runs were watched."""
    stage.upload_schedule({"tasks": [scenarios.zoned(JOB)]})
    stage.deploy("v1")
    scheduler = stage.client("scheduler")
    group, _, name = scenarios.in_group(stage, JOB["name"]).partition("/")
    found = scheduler.get_schedule(GroupName=group, Name=name)
    members = ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow")
    queue = stage.client("sqs").get_queue_attributes(
        QueueUrl=stage.names["outputs"]["RunQueueUrl"], AttributeNames=["QueueArn"]
    )
    target = found["Target"] | {"DeadLetterConfig": {"Arn": queue["Attributes"]["QueueArn"]}}
    request = {member: found[member] for member in members}
    scheduler.update_schedule(GroupName=group, Name=name, Target=target, **request)
    stage.settings(run_task="refused")
    stage.fire(f"{group}/{name}")


def with_a_network(stage: Client) -> None:
    network = network_of_the_service(stage)
    fired(subnets=network["subnets"][:1], security_groups=network["securityGroups"], assign_public_ip=True)(stage)


def network_of_the_service(stage: Client) -> dict[str, Any]:
    (found,) = stage.client("ecs").describe_services(cluster=stage.names["cluster"], services=[stage.names["service"]])[
        "services"
    ]
    network: dict[str, Any] = found["networkConfiguration"]["awsvpcConfiguration"]
    return network


def with_secrets(stage: Client) -> None:
    ssm = stage.client("ssm")
    ssm.put_parameter(Name="/guestbook/key", Value="of-ssm", Type="SecureString", Overwrite=True)
    (token,) = stage.client("secretsmanager").list_secrets()["SecretList"]
    fired(secrets={"TOKEN": token["ARN"], "KEY": "/guestbook/key"})(stage)


def with_a_former_role(stage: Client) -> None:
    """A rule whose target another role starts is taken over, and restored."""
    stage.upload_schedule({"tasks": [JOB]})
    stage.deploy("v1")
    (target,) = schedules(stage)["Report"]["Targets"]
    stage.client("events").put_targets(Rule=f"{PREFIX}Report", Targets=[target | {"RoleArn": FORMER}])
    stage.faults([DENIED])
    assert stage.deploy("v2")["status"] == "FAILED"
    assert schedules(stage)["Report"]["Targets"][0]["RoleArn"] == FORMER


def told_in_chat(stage: Client) -> None:
    """Deployed, failed, paused, and that the pause is over."""
    stage.client("sns").create_topic(Name="chat")
    stage.deploy("v1")
    stage.faults([DENIED])
    stage.deploy("v2")
    soon = datetime.fromisoformat(stage.clock()) + timedelta(minutes=5)
    stage.wait(stage.start({"kind": "pause", "pause": {"tasks": ["IngestData"], "until": soon.isoformat()}}))
    stage.advance(600)
    scenarios.sweep(stage)


def told_with_the_log(stage: Client) -> dict[str, Any]:
    """A job fails, and the mail shows the end of its log. Returns the mail."""
    mails = listen(stage)
    stage.upload_schedule(EVERY_MINUTE)
    stage.deploy("v1")
    stage.settings(tasks="scripted", script={"seconds": 5, "fails": 1, "exit_code": 3}, fire_schedules=True)
    stage.advance(60)  # to the first minute of Sweep's rule
    (mail,) = reported_within(stage, mails, 8)
    return mail


def acting(*jobs: Mapping[str, Any]) -> scenarios.Scenario:
    return lambda stage: play(stage, jobs)


WATCHERS = {"RecordRunFunctionRole", "SweepFunctionRole"}
WATCHED = {"WatchRuns": "true"}
STARTS = WATCHED | {"RunActions": "start"}
PLAYS: Sequence[tuple[Mapping[str, str], Sequence[scenarios.Scenario]]] = (
    (WATCHED, scenarios.EVERY_PERMISSION),
    (
        {},
        [
            scenarios.held_until_sweep_deploys,
            scenarios.paused_while_the_file_changes,
            scenarios.schedules_are_paused,
            watched_before,
        ],
    ),
    ({"EventsRoleAllows": "tags"}, [fired(tags={"team": "data"}, propagate_tags=True)]),
    ({"EventsRoleAllows": "exec"}, [fired(enable_execute_command=True)]),
    ({"TaskNetworks": "any"}, [with_a_network]),
    ({"SecretsAllowed": ",".join(SECRETS)}, [with_secrets]),
    ({"FormerEventsRoleArns": FORMER}, [with_a_former_role]),
    ({"ChatTopicArn": CHAT}, [told_in_chat]),
    (WATCHED | {"JobLogGroups": LOGS}, [told_with_the_log]),
    ({"JobLogGroups": LOGS}, [scenarios.migrations_that_fail]),
    (WATCHED | {"ExplainMissed": "true"}, [scenarios.runs_that_are_watched]),
    (WATCHED | {"RunActions": "stop"}, [acting(STUCK)]),
    (STARTS, [acting(LATE)]),
    (STARTS | {"EventsRoleAllows": "tags"}, [acting(TAGGED)]),
    (STARTS | {"EventsRoleAllows": "exec"}, [acting(ENTERED)]),
)
"""What is played with which parameters beside NOTHING."""
# IAM takes each action of a statement with each of its resources.
ACROSS = {
    f"ReadConfigFunctionRole: secretsmanager:DescribeSecret on {SECRETS[1]}",
    f"ReadConfigFunctionRole: ssm:ListTagsForResource on {SECRETS[0]}",
}


@dataclass(frozen=True)
class Grant:
    """An action on a resource that a role is allowed. On another stack with these names it is the same."""

    role: str
    action: str
    place: tuple[str, int, int]
    """The policy, the statement's number in the template, the resource's number in the statement."""
    conditions: tuple[str, ...]
    """Of the template, on which a stack has it."""
    statement: Statement = field(compare=False)

    def __str__(self) -> str:
        return f"{self.role}: {self.action} on {self.statement.resources[0]}"


@dataclass(frozen=True)
class Play:
    """What was asked for in a play: of each request the role, and the grants of which each alone allows it."""

    parameters: Mapping[str, str]
    asked: frozenset[tuple[str, frozenset[Grant]]]


@dataclass(frozen=True)
class Recorded:
    """All plays, and all grants that there are."""

    grants: list[Grant]
    plays: list[Play]
    denied: list[Mapping[str, Any]]
    callers: set[str]


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    recorded = Recorded([], [], [], set())
    for watched, scenario in (("true", "examples.guestbook"), ("false", "tests.stage.unwatched")):
        with process.running("--scenario", scenario, *FORKS) as served:
            stage, everything = Client(served.endpoint), EVERYTHING | {"WatchRuns": watched}
            with updated(stage, **everything):
                grants = [*granted(stage, everything)]
            for given, of_play in PLAYS:
                if given.get("WatchRuns", "false") == watched:
                    records = [*played(stage, given, of_play)]
                    recorded.plays.append(Play(given, frozenset(allowing(records, grants))))
                    recorded.denied.extend(record for record in records if not record["allowed"])
                    recorded.callers.update(role_of(record["caller"].split("/")[1]) for record in records)
            recorded.grants.extend(each for each in grants if each not in recorded.grants)
    return recorded


def played(stage: Client, given: Mapping[str, str], of_play: Sequence[scenarios.Scenario]) -> Iterator[dict[str, Any]]:
    """Every permission that was checked in these scenarios, on a stack with these parameters."""
    for scenario in of_play:
        stage.reset()
        with updated(stage, **{**NOTHING, **given}):
            stage.settings(time_scale=0.01, rollout_seconds=0.1)
            scenario(stage)
            scenarios.wait_for_all(stage)
            yield from stage.permissions()


def role_of(name: str) -> str:
    """The logical ID of a role of the stack: `rota-SweepFunctionRole-AB12` is SweepFunctionRole."""
    return name.removeprefix("rota-").rpartition("-")[0]


def granted(stage: Client, parameters: Mapping[str, str]) -> Iterator[Grant]:
    """What each role is allowed on a stack with these parameters."""
    for name, statements in audit.statements(stage).items():
        role = role_of(name)
        on = conditions_of(role)
        there = [number for number, conditions in enumerate(on) if conditions <= holding(parameters)]
        for statement in statements:
            assert statement.effect == "Allow"
            is_own = bool(on) and not statement.policy.startswith("AWS")
            number = there[statement.number] if is_own else statement.number
            conditions = tuple(sorted(on[number])) if is_own else ()
            for resource, part in enumerate(statement.grants()):
                yield Grant(role, part.actions[0], (statement.policy, number, resource), conditions, part)


def conditions_of(role: str) -> list[set[str]]:
    """The template's conditions for each statement of a role's own policy; none if SAM has made the role."""
    resource = TEMPLATE["Resources"].get(role) or TEMPLATE["Resources"].get(role.removesuffix("Role"), {})
    return [
        {*resource.get("Condition", "").split(), *each.get("Fn::If", ())[:1]}
        for policy in resource.get("Properties", {}).get("Policies", [])
        for each in policy.get("PolicyDocument", policy)["Statement"]
    ]


def allowing(records: Sequence[Mapping[str, Any]], grants: Sequence[Grant]) -> Iterator[tuple[str, frozenset[Grant]]]:
    """Of each request the role, and the grants of which each alone allows it."""
    for name, permissions in audit.asked(records).items():
        of_role = [grant for grant in grants if grant.role == role_of(name)]
        for permission in permissions:
            yield role_of(name), frozenset(grant for grant in of_role if grant.statement.covers(permission))


def parts(value: str) -> set[str]:
    """What a parameter's value switches on."""
    if value in ("", "none", "stack", "false"):
        return set()
    return {"stop", "start"} if value == "both" else set(value.split(","))


def holds(condition: Any, parameters: Mapping[str, str]) -> bool:
    """Whether a condition of the template does."""
    ((function, given),) = condition.items()
    match function:
        case "Condition":
            return holds(TEMPLATE["Conditions"][given], parameters)
        case "Fn::Not":
            return not holds(given[0], parameters)
        case "Fn::And":
            return all(holds(each, parameters) for each in given)
        case "Fn::Or":
            return any(holds(each, parameters) for each in given)
        case "Fn::Equals":
            one, other = (_value(each, parameters) for each in given)
            return one == other
    raise NotImplementedError(function)


def _asks(play: Play, role: str, chosen: Mapping[str, str]) -> bool:
    """Whether the role asks the same with these parameters. That runs are watched changes nothing for a step."""
    needed = {name: value for name, value in play.parameters.items() if role in WATCHERS or name != "WatchRuns"}
    return all(parts(value) <= parts(chosen[name]) for name, value in needed.items())


def holding(parameters: Mapping[str, str]) -> set[str]:
    """The conditions of statements that hold with these parameters."""
    return {name for name in CONDITIONS if holds({"Condition": name}, parameters)}


def _value(given: Any, parameters: Mapping[str, str]) -> str:
    """A parameter's value; that of a list is here as it is given."""
    match given:
        case {"Ref": name} | {"Fn::Join": [",", {"Ref": name}]}:
            return parameters[name] if name in parameters else str(TEMPLATE["Parameters"][name]["Default"])
        case {"Fn::Join": ["", {"Fn::Split": [text, whole]}]}:
            return _value(whole, parameters).replace(text, "")
    return str(given)


def judged(recorded: Recorded, chosen: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """What is denied on a stack with these parameters, and what is allowed there in vain."""
    conditions = holding(chosen)
    has = {grant for grant in recorded.grants if conditions.issuperset(grant.conditions)}
    roles = {grant.role for grant in has}
    asked = {
        allowed_by
        for play in recorded.plays
        for role, allowed_by in play.asked
        if role in roles and _asks(play, role, chosen)
    }
    used = {grant for each in asked if len(only := each & has) == 1 for grant in only}
    denied = {f"one of {sorted(map(str, each))}" for each in asked if not each & has}
    return denied, {str(grant) for grant in has - used if grant.action not in audit.ON_AWS_ALONE}


CONDITIONS = {name for of_role in map(conditions_of, TEMPLATE["Resources"]) for each in of_role for name in each}


def test_no_call_is_denied(recorded: Recorded) -> None:
    assert recorded.denied == []
    # thirteen steps, RecordRun, Sweep and Approve, the machine, the rules of pushes and of what was stopped, the
    # scheduled rules, Scheduler
    assert len(recorded.callers) == 21


def test_every_combination_has_just_the_rights_it_needs(recorded: Recorded) -> None:
    wrong: dict[str, Mapping[str, str]] = {}
    for values in product(*SWITCHES.values()):
        chosen = dict(zip(SWITCHES, values, strict=True))
        denied, in_vain = judged(recorded, chosen)
        for each in [*(f"denied: {each}" for each in denied), *(f"in vain: {each}" for each in in_vain - ACROSS)]:
            wrong.setdefault(each, chosen)
    assert wrong == {}


def test_a_named_chat_is_notified_and_a_named_log_read(stage: Client) -> None:
    sns, sqs = stage.client("sns"), stage.client("sqs")
    chat, topic = sqs.create_queue(QueueName="chat")["QueueUrl"], sns.create_topic(Name="chat")["TopicArn"]
    behind = sqs.get_queue_attributes(QueueUrl=chat, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=behind["QueueArn"])
    with updated(stage, ChatTopicArn=topic, JobLogGroups=LOGS):
        mail = told_with_the_log(stage)
        sent = wait_for(lambda: heard(stage, chat), 10)
    titles = [json.loads(each["Message"])["content"]["title"] for each in sent]
    assert [title.partition(" (")[0].split()[-1] for title in titles] == ["live", "3"]
    assert "It logged nothing." in mail["Message"], "its log may be read, and a scripted task has none"
    sns.delete_topic(TopicArn=topic)


def test_a_key_that_acts_is_refused_by_a_stack_that_does_not_let_it(stage: Client) -> None:
    before = schedules(stage)
    stage.upload_schedule({"tasks": [STUCK, LATE]})
    ended = stage.deploy("v1")
    assert (ended["status"], ended["error"]) == ("FAILED", "ConfigError")
    assert 'tasks[0].overlap: "skip" has Rota stop runs, and the parameter RunActions is none;' in ended["cause"]
    assert 'tasks[1].catch_up: "missed" has Rota start runs, and the parameter RunActions is none;' in ended["cause"]
    assert schedules(stage) == before
