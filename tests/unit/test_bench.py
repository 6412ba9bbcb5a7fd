"""What the benchmark makes of what it has seen: starts, state changes, ratios, tables and the plot."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench import bound, deployment, kept, needs, plot, report
from bench.deployment import Case, Invocation, Measured
from bench.memory import Memory
from bench.results import Results
from bench.tools import Line

SCRIPT: dict[str, dict[int, float]] = {"classic script": {1: 8, 10: 53}}
MEMORY = {"CreateTargets": Memory(peak=80, given=512)}
# What a client waits for a call, and how much of that is the SDK's.
LATENCY, SDK = 0.042, 0.002
# A cold function calls AWS 0.5 s after its invocation, a warm one after 0.01 s; what follows takes 0.1 s longer.
COLD, WARM, FURTHER = 0.5, 0.01, 0.1
STEPS = ("TakeTurn", "ReadConfig", "PlanDeployment", "CreateTargets")
STATES, CHANGE = 10, 0.02


def least(tasks: int, case: Case = "new-image") -> float:
    return bound.seconds(needs.of_deployment("per-task", tasks, case), lambda _call: LATENCY)


def measured(
    tasks: int, rest: float, *, warm: bool = False, case: Case = "new-image", steps: tuple[str, ...] = STEPS
) -> Measured:
    """A deployment that takes `rest` seconds besides starts and state changes, a share of it in each step."""
    until_first, further = (WARM, 0.0) if warm else (COLD, FURTHER)
    now, invocations = 0.0, []
    for step in steps:
        now += STATES * CHANGE / len(steps)
        ended = now + until_first + further + rest / len(steps) - WARM
        invocations.append(Invocation(step, now, now + until_first, ended))
        now = ended
    return Measured(
        mode="per-task",
        tasks=tasks,
        case=case,
        warm=warm,
        live=now,
        whole=now + 8,
        estimate=0,
        planned=now - 2,
        invocations=tuple(invocations),
        states=STATES,
        between=STATES * CHANGE,
        latency={need.call: LATENCY - SDK for need in needs.of_deployment("per-task", tasks, case)},
        sdk=SDK,
        calls={"events PutTargets": tasks, "ecs UpdateService": 1},
        calls_until_live={"events PutTargets": tasks, "ecs DescribeTaskDefinition": tasks},
        throttles=0,
        memory=MEMORY,
    )


def results(*some: Measured, tools: dict[str, dict[int, float]] | None = None) -> Results:
    return Results([measured(1, least(1)), *some], [measured(1, least(1), warm=True)], tools or {})


def test_starts_and_changes_are_taken_off_before_the_ratio() -> None:
    found = results(one := measured(60, 1.1 * least(60)))
    assert found.starts(one) == pytest.approx(len(STEPS) * (COLD - WARM + FURTHER))
    assert found.changes(one) == pytest.approx(STATES * CHANGE)
    assert found.rest(one) == pytest.approx(1.1 * least(60))
    assert list(report.lines(found)) == ["bound per-task 1 new-image 1.00", "bound per-task 60 new-image 1.10"]


def test_the_median_of_several_measurements_counts() -> None:
    found = results(*(measured(60, ratio * least(60)) for ratio in (1.3, 1.1, 1.0)))
    assert list(report.lines(found))[1:] == ["bound per-task 60 new-image 1.10"]


def test_a_start_is_read_in_the_deployment_until_the_first_call() -> None:
    found = results(one := measured(60, least(60)))
    first, *others = one.invocations
    slow = replace(
        one, live=one.live + 2, invocations=(replace(first, first=first.first + 2, ended=first.ended + 2), *others)
    )
    assert found.starts(slow) == pytest.approx(found.starts(one) + 2)
    assert found.ratio(slow) == pytest.approx(found.ratio(one))


def test_a_second_invocation_of_a_function_is_not_cold() -> None:
    found = results(one := measured(60, least(60), steps=(*STEPS, "CreateTargets")))
    assert [each.step for each in one.cold] == list(STEPS)
    assert found.starts(one) == pytest.approx(len(STEPS) * (COLD - WARM + FURTHER))


def test_a_warm_function_is_no_start() -> None:
    found = results(one := measured(60, least(60), warm=True))
    assert (one.cold, found.starts(one)) == ((), 0)


def test_what_is_over_a_limit_is_listed() -> None:
    late, many = measured(60, 1.2 * least(60)), measured(10, 0.5 * least(10), steps=(*STEPS, "Fifth", "Sixth"))
    found = results(late, many, measured(300, 1.1 * least(300)))
    found.failed.append("shared 10 first")
    assert list(found.missed()) == [
        "shared 10 first: could not be measured",
        "per-task 60 new-image: 1.20 x the bound, 1.15 is allowed",
        "per-task 10 new-image: 6 cold functions until live, 5 are allowed",
    ]


def test_schedulers_bound_is_shown_for_both_quotas() -> None:
    latency = {need.call: LATENCY - SDK for need in needs.of_deployment("scheduler", 1000, "new-image")}
    found = results(replace(measured(1000, 60), mode="scheduler", latency=latency))
    larger, other = report.by_region(found)[1:]
    assert (larger[:3], other[:3]) == (("1000", "new-image", "1000"), ("1000", "new-image", "250"))
    assert float(other[3]) - float(larger[3]) == pytest.approx(6, abs=0.02)  # 1,000 are read, and updated
    assert float(larger[4]) / float(larger[3]) == pytest.approx(float(larger[5]), rel=0.05)


def test_calls_that_the_bound_does_not_have_are_listed() -> None:
    assert report.more_than_needed(results(measured(60, least(60))))[1:] == [
        ("per-task", "new-image", "60", "ecs DescribeTaskDefinition", "60", "1")
    ]


def test_calls_are_listed_by_operation_and_number_of_tasks() -> None:
    found = results(measured(60, least(60)), measured(60, least(60), case="first"))
    assert report.calls(found) == [
        ("mode", "case", "operation", "1", "60"),
        ("per-task", "new-image", "ecs UpdateService", "1", "1"),
        ("per-task", "new-image", "events PutTargets", "1", "60"),
        ("per-task", "first", "ecs UpdateService", "", "1"),
        ("per-task", "first", "events PutTargets", "", "60"),
    ]


PUSH = datetime(2026, 1, 5, 6, tzinfo=UTC)


def call(at: float, seconds: float, service: str, operation: str, caller: str | None = None) -> dict[str, Any]:
    time = (PUSH + timedelta(seconds=at)).isoformat()
    return {
        "time": time,
        "service": service,
        "operation": operation,
        "caller": caller,
        "error": None,
        "duration_ms": seconds * 1000,
    }


def event(number: int, at: float, kind: str, state: str | None = None) -> dict[str, Any]:
    details = {"stateEnteredEventDetails": {"name": state}} if state else {}
    return {"id": number, "timestamp": PUSH + timedelta(seconds=at), "type": kind, **details}


CALLS = [
    call(-0.1, 0.3, "ecr", "PutImage"),
    call(0.02, 0.5, "lambda", "Invoke"),
    call(0.4, 0.04, "dynamodb", "UpdateItem", "TakeTurn"),
    call(0.54, 0.5, "lambda", "Invoke"),
    call(0.8, 0.04, "s3", "GetObject", "CreateTargets"),
    call(0.9, 0.05, "events", "PutTargets", "CreateTargets"),
    call(1.2, 1.0, "lambda", "Invoke"),
    call(2.0, 0.04, "ecs", "UpdateService", "RollService"),
]
HISTORY = [
    event(1, 0, "ExecutionStarted"),
    event(2, 0, "TaskStateEntered", "TakeTurn"),
    event(3, 0.01, "LambdaFunctionScheduled"),
    event(4, 0.53, "ChoiceStateEntered", "IsItOurTurn"),
    event(5, 0.53, "TaskStateEntered", "CreateTargets"),
    event(6, 0.53, "LambdaFunctionScheduled"),
    event(7, 1.1, "TaskStateEntered", "RollService"),
    event(8, 1.1, "LambdaFunctionScheduled"),
]


def seen(calls: list[dict[str, Any]]) -> Measured:
    times = {"startDate": PUSH, "stopDate": PUSH + timedelta(seconds=9)}
    execution = {**times, "output": {"plan": {"estimated_seconds": 4}}}
    return deployment.measured("shared", 1, "new-image", execution, reversed(HISTORY), calls, {}, SDK, warm=False)


def test_a_deployment_is_live_when_its_last_target_is_put() -> None:
    one = seen(CALLS)
    assert (one.live, one.whole, one.estimate) == (pytest.approx(0.95), 9, 4)
    assert one.calls == {
        "dynamodb UpdateItem": 1,
        "s3 GetObject": 1,
        "events PutTargets": 1,
        "ecs UpdateService": 1,
    }
    assert one.calls_until_live.keys() == one.calls.keys() - {"ecs UpdateService"}


def test_a_deployment_without_writes_is_live_at_its_end() -> None:
    assert seen([each for each in CALLS if each["operation"] != "PutTargets"]).live == 9


def test_invocations_are_taken_from_history_and_calls() -> None:
    one = seen(CALLS)
    assert [each.step for each in one.cold] == ["TakeTurn", "CreateTargets"]
    assert [each.until_first_call for each in one.invocations] == [pytest.approx(0.38), pytest.approx(0.26)]
    assert one.invocations[0].after_first_call == pytest.approx(0.12)


def test_state_changes_are_the_time_between_invocations() -> None:
    one = seen(CALLS)
    assert (one.states, one.between) == (3, pytest.approx(0.02 + 0.02))


def test_the_script_is_computed_by_a_line_through_measurements() -> None:
    found = results(measured(300, least(300)), tools=SCRIPT)
    assert found.line("classic script") == Line(3, 5)
    assert report.tools(found, [10, 300])[1:] == [
        ("classic script", "10", "53 s", "measured", "", ""),
        ("classic script", "300", "25 min", "computed", "5 min", "5.0"),
    ]


def test_a_quick_tool_too_registers_one_revision_a_second() -> None:
    found = Results(tools={"quick": {1: 0.5, 10: 5}})
    assert [row[2] for row in report.tools(found, [10, 30, 300])[1:]] == ["5 s", "15 s", "5 min"]
    assert found.computed("quick", 300) == 280


def test_the_plot_is_one_that_can_be_drawn() -> None:
    found = results(measured(300, least(300)), tools=SCRIPT)
    drawn = ET.fromstring(report.picture(found, [1, 10, 300]))  # noqa: S314 - we have written it ourselves
    names = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Rota, per-task", "bound, per-task", "classic script, computed"} <= set(names)


def test_a_line_that_is_higher_on_the_plot_is_slower() -> None:
    slow = plot.Series("slow", "#000", {1: 100.0, 10: 1000.0})
    quick = plot.Series("quick", "#000", {1: 10.0, 10: 20.0})
    drawn = ET.fromstring(plot.draw("both", [slow, quick]))  # noqa: S314 - we have written it ourselves
    ends = [
        float(line.attrib["points"].rpartition(",")[2]) for line in drawn.iter("{http://www.w3.org/2000/svg}polyline")
    ]
    assert ends[0] < ends[1]


def test_the_estimate_is_shown_beside_the_measurement() -> None:
    found = results(replace(measured(60, least(60)), estimate=50))
    head, row = report.table(found)[::2]
    shown = dict(zip(head, row, strict=True))
    assert (shown["since the plan"], shown["it said"], shown["cold"]) == ("2.0", "50", "4")


def test_the_peak_memory_is_shown_with_its_number_of_tasks() -> None:
    more = replace(measured(300, least(300)), memory={"CreateTargets": Memory(peak=120, given=512)})
    found = results(more, measured(60, least(60)))
    assert report.memory(found)[1:] == [("CreateTargets", "120", "300", "512")]


def test_the_document_has_every_table() -> None:
    written = report.markdown(results(measured(300, 2 * least(300)), tools=SCRIPT), [1, 10, 300])
    for part in (
        "## Deployments",
        "| per-task | 300 | new-image |",
        "- per-task 300 new-image: 2.00 x the bound, 1.15 is allowed",
        "| CreateTargets | 500 | 10 | 100 | 590 |",
        "| per-task | new-image | events PutTargets | 1 | 300 |",
        "| CreateTargets | 80 |",
        "25 min",
    ):
        assert part in written


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    before = results(measured(10, rest=2.0), measured(10, rest=2.1), measured(10, rest=2.0, case="first"))
    kept.write(tmp_path / ".bench" / "state.json", before)

    after = kept.read(tmp_path / ".bench" / "state.json")

    assert after == before
    assert after.ratios() == before.ratios()
    assert kept.lacking(after, "per-task", 10, ("first", "new-image", "unchanged"), rounds=2) == ("first", "unchanged")
    assert kept.lacking(after, "shared", 10, ("first", "new-image"), rounds=1) == ("first", "new-image")


def test_what_is_measured_again_is_forgotten() -> None:
    both = results(measured(10, rest=2.0), measured(10, rest=2.0, case="first"), measured(60, rest=2.0))

    kept.without(both, "per-task", 10, ("new-image",))

    assert [(each.tasks, each.case) for each in both.measured if each.tasks > 1] == [(10, "first"), (60, "new-image")]
    assert both.warm
