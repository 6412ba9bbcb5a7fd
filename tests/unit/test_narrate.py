"""Following an execution by its history, and the lines that say what it does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest

from rota.watch.follow import End, Following, Step
from rota.watch.narrate import Narrator, note

BEGAN = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
ARN = "arn:aws:states:us-east-1:123456789012:execution:rota-deploy:v2"
TURN = {"decision": "go", "reason": "the lease was free"}
BEHIND = {"decision": "wait", "reason": "v1 is deploying"}
Event = dict[str, Any]


class StepFunctions:
    """One execution, whose history has an event a second, so many a page; and what was read of it."""

    def __init__(self, *events: Event, per_page: int = 200, **described: Any) -> None:
        self.history = list(events)
        self.described = {"name": "v2", "input": "{}", "status": "RUNNING", "startDate": BEGAN, **described}
        self.pages = 0
        self._per_page = per_page

    def describe_execution(self, **asked: str) -> dict[str, Any]:
        assert asked == {"executionArn": ARN}
        return self.described

    def get_paginator(self, operation: str) -> "StepFunctions":
        assert operation == "get_execution_history"
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        assert (asked["executionArn"], asked["reverseOrder"]) == (ARN, True)
        numbered = [
            {"id": number, "timestamp": BEGAN + timedelta(seconds=number), **event}
            for number, event in enumerate(self.history, 1)
        ]
        for first in range(0, len(numbered) or 1, self._per_page):
            self.pages += 1
            yield {"events": numbered[::-1][first : first + self._per_page]}

    def ends(self, status: str, *events: Event, **more: Any) -> None:
        self.history += [*events, {"type": "ExecutionSucceeded"}]
        self.described |= {"status": status, "stopDate": BEGAN + timedelta(seconds=90), **more}


def entered(state: str, kind: str = "Task") -> Event:
    return {"type": f"{kind}StateEntered", "stateEnteredEventDetails": {"name": state}}


def scheduled() -> Event:
    return {"type": "LambdaFunctionScheduled"}


def failed(error: str, message: str) -> Event:
    details = {"error": error, "cause": json.dumps({"errorMessage": message})}
    return {"type": "LambdaFunctionFailed", "lambdaFunctionFailedEventDetails": details}


def left(**document: Any) -> Event:
    return {"type": "TaskStateExited", "stateExitedEventDetails": {"output": json.dumps(document)}}


def visit(state: str, **document: Any) -> list[Event]:
    return [entered(state), scheduled(), left(**document)]


def following(states: Any) -> Following:
    return Following(states, ARN)


def narrator(states: Any) -> Narrator:
    return Narrator(states, ARN)


def lines(narrated: Narrator) -> list[str]:
    return [click.unstyle(line) for line in narrated.look()]


@pytest.mark.parametrize(
    ("events", "result", "retries", "error", "reason"),
    [
        pytest.param([scheduled(), left(turn=TURN)], TURN, 0, None, "", id="done"),
        pytest.param(
            [*2 * [scheduled(), failed("TransientError", "slow")], scheduled(), left(turn=TURN)],
            TURN,
            2,
            None,
            "slow",
            id="done when it was tried again",
        ),
        pytest.param(
            [scheduled(), failed("RejectedError", "denied"), left(error={"Error": "RejectedError"})],
            None,
            0,
            "RejectedError",
            "denied",
            id="failed",
        ),
        pytest.param(
            [scheduled(), {"type": "LambdaFunctionTimedOut"}, left()],
            None,
            0,
            "LambdaFunctionTimedOut",
            "",
            id="timed out",
        ),
        pytest.param(
            [
                scheduled(),
                {
                    "type": "LambdaFunctionTimedOut",
                    "lambdaFunctionTimedOutEventDetails": {"error": "States.Timeout", "cause": "slow"},
                },
                left(),
            ],
            None,
            0,
            "States.Timeout",
            "slow",
            id="timed out, and says so",
        ),
        pytest.param(
            [
                scheduled(),
                {"type": "LambdaFunctionFailed", "lambdaFunctionFailedEventDetails": {"error": "E", "cause": "[1]"}},
                left(),
            ],
            None,
            0,
            "E",
            "[1]",
            id="a cause that is no error of a function",
        ),
    ],
)
def test_a_step_is_new_when_it_is_entered_and_when_it_is_left(
    events: list[Event], result: Any, retries: int, error: str | None, reason: str
) -> None:
    followed = following(StepFunctions({"type": "ExecutionStarted"}, entered("TakeTurn"), *events))
    first, second = followed.look()
    assert isinstance(first, Step) and first is second, "the step itself, which has been left since"
    assert (first.state, first.result, first.retries, first.error, first.reason) == (
        "TakeTurn",
        result,
        retries,
        error,
        reason,
    )
    assert (first.entered, first.seconds) == (BEGAN + timedelta(seconds=2), float(len(events)))
    assert list(followed.look()) == []


@pytest.mark.parametrize("per_page", [1, 2, 200])
@pytest.mark.parametrize("at_once", [1, 2, 100], ids=lambda number: f"{number} at once")
def test_however_the_history_comes_each_event_is_read_once(at_once: int, per_page: int) -> None:
    events = [
        *visit("TakeTurn", turn=TURN),
        entered("IsItThisDeploymentsTurn", "Choice"),
        *visit("ReadConfig", config={"tasks": 2}),
    ]
    states = StepFunctions(per_page=per_page)
    followed = following(states)
    found: list[Any] = []
    for first in range(0, len(events), at_once):
        states.history += events[first : first + at_once]
        found += [(each.state, each.left is not None) for each in followed.look() if isinstance(each, Step)]
        assert list(followed.look()) == []
    assert [state for state, _left in found] == ["TakeTurn", "TakeTurn", "ReadConfig", "ReadConfig"]
    assert found[-1] == ("ReadConfig", True)
    states.pages = 0
    list(followed.look())
    assert states.pages == 1, "an old history is not read again"


def test_the_end_comes_last_and_with_the_state_that_it_came_to() -> None:
    states = StepFunctions(*visit("TakeTurn", turn=TURN))
    followed = following(states)
    list(followed.look())
    states.ends("SUCCEEDED", entered("Deployed", "Succeed"), output='{"a": 1}')
    assert list(followed.look()) == [End("SUCCEEDED", "Deployed", 90.0, "", "", {"a": 1})]


@pytest.mark.parametrize(("output", "read"), [(None, {}), ("[1]", {}), ('{"a": 1}', {"a": 1})])
def test_an_end_has_its_output(output: str | None, read: dict[str, Any]) -> None:
    states = StepFunctions(*visit("TakeTurn", turn=TURN))
    states.ends("FAILED", error="RejectedError", cause="why", **({"output": output} if output else {}))
    end = list(following(states).look())[-1]
    assert isinstance(end, End) and (end.error, end.cause, end.output) == ("RejectedError", "why", read)


def test_the_last_event_is_waited_for_and_not_for_ever() -> None:
    """The history is eventually consistent: what is described to have ended may show no end."""
    states = StepFunctions(*visit("TakeTurn", turn=TURN), status="ABORTED", stopDate=BEGAN)
    followed = following(states)
    looks = [list(followed.look()) for _ in range(11)]
    assert [isinstance(each, End) for look in looks for each in look] == [False, False, True]
    assert looks[-1] and not any(looks[1:-1])


def test_what_waits_for_the_same_is_said_once() -> None:
    other = {"decision": "wait", "reason": "v0 is being restored"}
    states = StepFunctions(
        *visit("TakeTurn", turn=BEHIND),
        *visit("TakeTurn", turn=BEHIND),
        *visit("TakeTurn", turn=other),
        *visit("TakeTurn", turn=BEHIND),
        *visit("TakeTurn", turn=TURN),
        *visit("RollService", plan={"rolls_service": True}, rollout={"status": "IN_PROGRESS", "deployment_id": "d"}),
        *(event for _ in range(2) for event in visit("CheckService", rollout={"status": "IN_PROGRESS"})),
        *visit("CheckService", rollout={"status": "COMPLETED", "progress": "2 of 2 tasks"}),
    )
    narrated = narrator(states)
    assert lines(narrated) == [
        "  .. TakeTurn          waits: v1 is deploying",
        "  .. TakeTurn          waits: v0 is being restored",
        "  .. TakeTurn          waits: v1 is deploying",
        "  ok TakeTurn           2.00 s  the lease was free",
        "  ok RollService        2.00 s  d begun",
        "  ok CheckService       2.00 s  2 of 2 tasks, COMPLETED",
    ]
    assert narrated.state == "CheckService"


def test_a_step_is_known_as_soon_as_it_is_entered() -> None:
    narrated = narrator(StepFunctions(*visit("TakeTurn", turn=TURN), entered("ReadConfig")))
    assert len(lines(narrated)) == 1
    assert (narrated.state, narrated.machine, narrated.end) == ("ReadConfig", "rota-deploy", None)


@pytest.mark.parametrize(
    ("retries", "said"),
    [(0, "the lease was free"), (1, "the lease was free (1 retry)"), (2, "the lease was free (2 retries)")],
)
def test_a_line_counts_the_retries(retries: int, said: str) -> None:
    again = [event for _ in range(retries) for event in (scheduled(), failed("TransientError", "slow"))]
    states = StepFunctions(entered("TakeTurn"), *again, scheduled(), left(turn=TURN))
    assert lines(narrator(states)) == [f"  ok TakeTurn           {2 + 2 * retries}.00 s  {said}"]


@pytest.mark.parametrize(
    ("steps", "cause", "printed"),
    [
        pytest.param(
            [
                *visit("TakeTurn", turn={"decision": "overtaken", "reason": "a newer push has arrived"}),
                *visit("RestoreDeployment", restored={"outcome": "overtaken", "cause": "a newer push has arrived"}),
            ],
            "",
            ["  ok RestoreDeployment  2.00 s  recorded: overtaken", "  SUCCEEDED in RestoreDeployment after 90.0 s"],
            id="its verdict",
        ),
        pytest.param(
            visit("RestoreDeployment", restored={"outcome": "aborted", "cause": "the wrong branch"}),
            "",
            [
                "  ok RestoreDeployment  2.00 s  recorded: aborted: the wrong branch",
                "  SUCCEEDED in RestoreDeployment after 90.0 s",
            ],
            id="what no step has said",
        ),
        pytest.param(
            [
                *[entered("CreateTargets"), failed("RejectedError", "PutTargets was denied."), left()],
                *visit("RestoreDeployment", restored={"outcome": "failed", "cause": "all"}),
            ],
            "CreateTargets: PutTargets was denied. Everything is as it was before.",
            [
                "  !! CreateTargets      2.00 s  RejectedError: PutTargets was denied.",
                "  ok RestoreDeployment  2.00 s  recorded: failed",
                "  FAILED in RestoreDeployment after 90.0 s",
                "  Everything is as it was before.",
            ],
            id="the error of a step",
        ),
        pytest.param(
            [entered("TakeTurn"), scheduled(), failed("RejectedError", "denied"), left()],
            "TakeTurn: denied. Everything is as it was before.",
            [
                "  !! TakeTurn           3.00 s  RejectedError: denied",
                "  FAILED in TakeTurn after 90.0 s",
                "  Everything is as it was before.",
            ],
            id="the error of the first step",
        ),
        pytest.param(
            visit("RestoreDeployment", restored={"outcome": "failed", "cause": "all"}),
            "CreateTargets: PutTargets was denied. Everything is as it was before.",
            [
                "  ok RestoreDeployment  2.00 s  recorded: failed",
                "  FAILED in RestoreDeployment after 90.0 s",
                "  CreateTargets: PutTargets was denied. Everything is as it was before.",
            ],
            id="an error that no step has had here",
        ),
    ],
)
def test_a_cause_is_printed_once(steps: list[Event], cause: str, printed: list[str]) -> None:
    states = StepFunctions(*steps)
    states.ends("FAILED" if cause else "SUCCEEDED", **({"cause": cause} if cause else {}))
    assert lines(narrator(states))[-len(printed) :] == printed


@pytest.mark.parametrize(
    ("state", "result", "said"),
    [
        pytest.param("RollService", {"deployment_id": "ecs-svc/1"}, "ecs-svc/1 begun", id="a rollout"),
        pytest.param("CreateTargets", {"written": 2}, "schedules written: 2", id="schedules"),
        pytest.param("RestoreDeployment", {"outcome": "failed"}, "recorded: failed", id="a failure"),
        pytest.param("RestoreDeployment", {"outcome": "aborted"}, "recorded: aborted: why", id="one that was stopped"),
        pytest.param("FinishDeployment", {"outcome": "deployed"}, "recorded: deployed", id="done"),
        pytest.param("Send", None, "", id="a step of another app"),
    ],
)
def test_what_a_step_did(state: str, result: Any, said: str) -> None:
    document = {"plan": {"rolls_service": True}}
    assert note(Step(state, BEGAN, left=BEGAN, result=result, document=document), "why") == said


def test_a_service_that_does_not_roll_is_said_to_be_untouched() -> None:
    step = Step("RollService", BEGAN, result={"deployment_id": ""}, document={"plan": {"rolls_service": False}})
    assert note(step) == "untouched: the service runs that revision already"


PUSH = {"repository-name": "guestbook", "image-digest": "sha256:" + "0123456789abcdef" * 4, "image-tag": "v2"}


@pytest.mark.parametrize(
    ("given", "what"),
    [
        pytest.param({"detail": PUSH}, "guestbook:v2", id="a push"),
        pytest.param(
            {"detail": {key: PUSH[key] for key in PUSH if key != "image-tag"}},
            "guestbook@sha256:01234567",
            id="a push without a tag",
        ),
        pytest.param({"detail": {"executionArn": ARN}}, "restoring v2", id="a restore"),
        pytest.param({"detail": {}}, "execution", id="another event"),
        pytest.param({"kind": "rollback", "release": "v41"}, "rollback to v41", id="a rollback"),
        pytest.param({"kind": "pause", "pause": {"tasks": ["A", "B"]}}, "pause A B", id="a pause"),
        pytest.param({"kind": "resume", "pause": None}, "resume", id="a resume of all"),
        pytest.param({}, "execution", id="nothing"),
        pytest.param([1], "execution", id="a list"),
    ],
)
def test_the_title_says_what_is_deployed(given: Any, what: str) -> None:
    title = click.unstyle(narrator(StepFunctions(input=json.dumps(given))).title)
    assert title == f"{what} at {BEGAN.astimezone():%H:%M:%S %Z}\n  execution v2"


@pytest.mark.parametrize(("status", "colour"), [("SUCCEEDED", "green"), ("FAILED", "red"), ("ABORTED", "red")])
def test_an_end_has_its_colour(status: str, colour: str) -> None:
    states = StepFunctions(*visit("ReadConfig", config={"tasks": 2}))
    states.ends(status)
    *_, last = narrator(states).look()
    assert click.style(status, fg=colour) in last


def test_a_long_text_is_folded_between_words_and_what_can_be_copied_stays_whole() -> None:
    address = "https://eu-west-1.console.aws.amazon.com/states/home#/v2/executions/details/" + "arn-of-it-" * 5
    states = StepFunctions(*visit("ReadConfig", config={"tasks": 2}))
    states.ends("FAILED", cause=f"{'the-lines-of-a-cause ' * 9}\n{address}")
    *_, last = lines(narrator(states))
    *folded, whole = last.splitlines()
    assert whole == f"  {address}"
    assert [len(line) for line in folded] == [2 + 4 * 21 - 1, 2 + 4 * 21 - 1, 2 + 20]
