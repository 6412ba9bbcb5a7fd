"""What IAM allows a role that is limited to one family and one cluster, as the template's roles are."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import TAG, Account, tried
from rota.cli.verify_account.resources import CLUSTER, FAMILY, ROLE, RULE
from rota.cli.verify_account.row import Row, Seen, probe

_POLICY_SECONDS = 60
"""How long IAM may take until a new policy counts."""
_WORDS = r"User: \S+ is not authorized to perform: \w+:\w+ on resource: \S+ because .+"


@dataclass(frozen=True)
class _Answers:
    own: tuple[str, str]
    other: tuple[str, str]
    words: tuple[str, str]
    tasks: tuple[str, str]


@probe(ROLE, FAMILY, CLUSTER, RULE, actions=("sts:AssumeRole",))
def limited_role(account: Account) -> _Answers:
    """A role that may register in one family, and list the tasks of one cluster, does; and what it may not."""
    own, other = resources.family(account, "family"), resources.family(account, "other-family")
    cluster = resources.cluster(account)
    role = resources.role(
        account,
        "limited",
        {"AWS": account.arn("iam", "root", regional=False)},
        resources.statement(
            ["ecs:RegisterTaskDefinition", "ecs:TagResource"], account.arn("ecs", f"task-definition/{own}:*")
        ),
        resources.statement("ecs:ListTasks", "*", Condition={"ArnEquals": {"ecs:cluster": cluster}}),
    )
    ecs, events = account.as_role(role, "ecs"), account.as_role(role, "events")

    def register(family: str) -> Callable[[], object]:
        return lambda: ecs.register_task_definition(**resources.definition(account, family))

    in_own = _until_allowed(account, register(own))
    in_other = tried(register(other), by_role=True)
    denied = resources.named(account, RULE, "denied")
    rule = {"Name": denied, "ScheduleExpression": "rate(1 day)", "State": "DISABLED", "Tags": resources.tags(account)}
    _, of_events = tried(lambda: events.put_rule(**rule), by_role=True)
    listed = _until_allowed(account, lambda: ecs.list_tasks(cluster=cluster))
    return _Answers(in_own, in_other, (in_other[1], of_events), listed)


@probe(CLUSTER, FAMILY, ROLE, actions=("ecs:RunTask", "sts:AssumeRole"))
def stopping_roles(account: Account) -> tuple[str, str]:
    """What ECS answers to two roles that stop a task: one may if it has another tag, one if it has the run's."""
    revision = resources.revision(account, resources.family(account, "tagged"), seconds=120)
    task = resources.start_task(account, revision)
    cluster = resources.cluster(account)

    def stop(purpose: str, value: str) -> Callable[[], object]:
        role = resources.role(
            account,
            purpose,
            {"AWS": account.arn("iam", "root", regional=False)},
            resources.statement(
                "ecs:StopTask",
                cluster.replace(":cluster/", ":task/") + "/*",
                Condition={"StringEquals": {f"aws:ResourceTag/{TAG}": value}},
            ),
        )
        ecs = account.as_role(role, "ecs")
        return lambda: ecs.stop_task(cluster=cluster, task=task, reason="Rota verifies what a tag allows")

    other, _ = tried(stop("stops-others", "another"), by_role=True)
    own, _ = _until_allowed(account, stop("stops-own", account.run))
    return other, own


def _until_allowed(account: Account, call: Callable[[], object]) -> tuple[str, str]:
    """Each of AWS's hosts may come to know the new policy at another time."""
    return account.wait(lambda: _if_accepted(tried(call, by_role=True)), _POLICY_SECONDS) or tried(call, by_role=True)


def _if_accepted(answer: tuple[str, str]) -> tuple[str, str] | None:
    return answer if answer[0] == "accepted" else None


def _read_words(answers: _Answers) -> Seen:
    denied = [words for words in answers.words if words]
    others = [words for words in denied if not re.fullmatch(_WORDS, words, re.DOTALL)]
    if not denied:
        return Seen("nothing was denied")
    return Seen("other words", "; ".join(others)) if others else Seen("those words")


ROWS = (
    Row(
        id="register-in-family",
        group="free",
        assumption="A policy for task-definition/FAMILY:* allows to register in that family, with tags.",
        expected="accepted",
        meaning="RegisterRevisions and RestoreDeployment are denied: every deployment fails, and is restored.",
        then='In template.yaml, give these two functions ecs:RegisterTaskDefinition and ecs:TagResource on "*".',
        probe=limited_role,
        read=lambda answers: Seen(*answers.own),
    ),
    Row(
        id="register-elsewhere",
        group="free",
        assumption="That policy does not allow to register in another family.",
        expected="AccessDeniedException",
        meaning="Rota's functions could register in every family; they do not.",
        then="Read what security.md says of RegisterRevisions with that in mind.",
        probe=limited_role,
        read=lambda answers: Seen(*answers.other),
    ),
    Row(
        id="list-tasks-by-cluster",
        group="free",
        assumption="A policy for ecs:ListTasks on *, with the cluster as its condition, lists the cluster's tasks.",
        expected="accepted",
        meaning="Sweep sees no task: what is missed or lost is reported late, or twice.",
        then="In template.yaml, give Sweep ecs:ListTasks without the condition; until then `WatchRuns`: false.",
        probe=limited_role,
        read=lambda answers: Seen(*answers.tasks),
    ),
    Row(
        id="stop-tagged-task",
        group="tasks",
        assumption="A policy for ecs:StopTask with a task's tag as its condition stops a task with that tag, and no "
        "other.",
        expected="AccessDeniedException, then accepted",
        meaning="RestoreDeployment cannot stop a migration, or could stop every task of the cluster.",
        then="In template.yaml, give RestoreDeployment ecs:StopTask on the cluster's tasks, with `ecs:cluster` as "
        "the condition.",
        probe=stopping_roles,
        read=lambda answers: Seen(", then ".join(answers)),
    ),
    Row(
        id="denied-words",
        group="free",
        assumption="ECS and EventBridge deny a call in IAM's usual words, with the action and the resource.",
        expected="those words",
        meaning="A cause has other words; Rota goes by the code.",
        then="Nothing.",
        probe=limited_role,
        read=_read_words,
    ),
)
