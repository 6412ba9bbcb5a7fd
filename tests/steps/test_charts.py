"""The charts of docs/architecture.md: a deployment and a restore call what the boxes say, in their order."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import pytest

from docs import paths
from rota.ecs import service_deployments
from tests import asl
from tests.steps.deployments import Deployment

Calls = list[CodeType]
# A rollout without stages is judged by the other function of the box.
ELSEWHERE = {service_deployments.judge}


@contextmanager
def traced() -> Iterator[Calls]:
    """The functions of all charts that are called meanwhile, in any thread, in their order."""
    charts = (paths.SCHEDULE_FILE_TO_PUT_RULE, paths.PUSH_TO_LIVE, paths.ERROR_TO_RESTORE)
    named, found = {call.__code__ for chart in charts for at in chart for call in at.calls}, Calls()

    def note(frame: FrameType, event: str, _arg: Any) -> None:
        if event == "call" and frame.f_code in named:
            found.append(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def steps(deployment: Deployment) -> Iterator[tuple[str, Calls]]:
    """Each state until the end, and what it calls."""
    while state := deployment.at:
        with traced() as calls:
            deployment.go_on()
        yield state, calls


def at_first(box: Sequence[Callable[..., Any]], calls: Calls) -> list[int]:
    """Where each function of a box is called for the first time."""
    return [calls.index(each.__code__) for each in box if each not in ELSEWHERE]


@pytest.mark.parametrize("chart", [paths.SCHEDULE_FILE_TO_PUT_RULE, paths.PUSH_TO_LIVE], ids=["a file", "a push"])
def test_a_deployment_calls_what_the_charts_say(chart: Sequence[paths.At], changing: Deployment) -> None:
    boxes = {at.name: at for at in chart}
    called = {state: calls for state, calls in steps(changing) if state in boxes}
    assert changing.document["outcome"]["outcome"] == "deployed"
    assert [*called] == [name for name in boxes if name not in asl.ONE_OFFS]
    for name, calls in called.items():
        places = at_first(boxes[name].calls, calls)
        assert (name, places) == (name, sorted(places))


@pytest.mark.parametrize("aborted", [False, True], ids=["failed", "aborted"])
def test_a_restore_calls_what_the_chart_says(aborted: bool, changing: Deployment) -> None:
    changing.until("CheckService")
    if aborted:
        changing.stop()
        called = dict(steps(changing.restorer()))
    else:
        changing.fail("RejectedError", "the rollout failed")
        with traced() as calls:
            changing.step("RestoreDeployment")
        called = {"RestoreDeployment": calls}
    for name in called.keys() & {at.name for at in paths.ERROR_TO_RESTORE}:
        places = at_first([call for at in paths.ERROR_TO_RESTORE if at.name == name for call in at.calls], called[name])
        assert (name, places) == (name, sorted(places))
