"""The bound that the benchmark holds deployments to, and what it makes of what it has measured."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from bench import bound, plot, report
from bench.deployment import Case, Measured, Mode
from bench.memory import Memory
from bench.tools import Line

REGISTER, DESCRIBE = ("ecs", "RegisterTaskDefinition"), ("ecs", "DescribeTaskDefinition")
PUT, LIST = ("events", "PutTargets"), ("events", "ListTargetsByRule")


@pytest.mark.parametrize(
    ("phases", "seconds"),
    [
        pytest.param([{}], 0, id="nothing"),
        pytest.param([{DESCRIBE: 50}], 0, id="a burst"),
        pytest.param([{REGISTER: 20}], 19 * 0.04, id="one registration at a time"),
        pytest.param([{REGISTER: 21}], 1, id="one more"),
        pytest.param([{REGISTER: 320}], 300, id="one a second"),
        pytest.param([{REGISTER: 320, PUT: 320}], 300, id="the slowest bucket of a phase"),
        pytest.param([{PUT: 100, LIST: 50}], 2, id="a shared bucket"),
        pytest.param([{LIST: 100}, {PUT: 100}], 3, id="what the first phase takes the second lacks"),
        pytest.param([{LIST: 550}, {REGISTER: 30}], 20, id="a full bucket gains nothing while it waits"),
        pytest.param([{DESCRIBE: 70}, {REGISTER: 21}], 2, id="phases follow each other"),
    ],
)
def test_what_the_buckets_cost(phases: list[bound.Calls], seconds: float) -> None:
    assert bound.seconds(phases) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("mode", "tasks", "case", "seconds"),
    [
        pytest.param("per-task", 10, "new-image", 9 * 0.04, id="few tasks are within every burst"),
        pytest.param("per-task", 60, "first", 40, id="sixty registrations"),
        pytest.param(
            "per-task", 300, "new-image", 5.06 + 280, id="three hundred rules read, then as many registrations"
        ),
        pytest.param("shared", 300, "new-image", (303 + 300 - 50) / 50, id="one registration, all of EventBridge"),
        pytest.param("per-task", 300, "unchanged", 5.06, id="only read"),
    ],
)
def test_what_a_deployment_cannot_do_without(mode: Mode, tasks: int, case: Case, seconds: float) -> None:
    assert bound.of_quotas(mode, tasks, case) == pytest.approx(seconds)


SCRIPT: dict[str, dict[int, float]] = {"classic script": {1: 8, 10: 53}}
MEMORY = {"CreateTargets": Memory(peak=80, given=512)}


def measured(tasks: int, live: float) -> Measured:
    steps = {"PlanDeployment": (1.0, 2.0), "CreateTargets": (3.0, live), "RollService": (live + 1, live + 2)}
    return Measured("per-task", tasks, "new-image", live, live + 8, 0, {"events PutTargets": tasks}, 0, steps, MEMORY)


def test_the_ratio_is_to_one_task_and_the_quotas() -> None:
    results = report.Results([measured(1, 5), measured(1, 4), measured(1, 9), measured(60, 54.24)])
    assert list(report.lines(results)) == ["bound per-task 1 new-image 1.00", "bound per-task 60 new-image 1.20"]


def test_the_script_is_computed_by_the_line_through_what_was_measured() -> None:
    results = report.Results([measured(1, 5), measured(300, 300)], SCRIPT)
    assert results.line("classic script") == Line(3, 5)
    assert report.tools(results, [10, 300])[1:] == [
        ("classic script", "10", "53 s", "measured", "", ""),
        ("classic script", "300", "25 min", "computed", "5 min", "5.0"),
    ]


def test_the_plot_is_one_that_can_be_drawn() -> None:
    results = report.Results([measured(1, 5), measured(300, 300)], SCRIPT)
    drawn = ET.fromstring(report.picture(results, [1, 10, 300]))  # noqa: S314 - we have written it ourselves
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


def test_what_the_plan_said_stands_beside_what_it_was() -> None:
    one = replace(measured(60, 54.2), estimate=50)
    head, row = report.table(report.Results([measured(1, 5), one]))[::2]
    told = dict(zip(head, row, strict=True))
    assert (told["since the plan"], told["it said"]) == ("52.2", "50")


def test_the_most_memory_is_told_with_the_number_of_tasks() -> None:
    more = replace(measured(300, 300), memory={"CreateTargets": Memory(peak=120, given=512)})
    results = report.Results([measured(1, 5), more, measured(60, 54)])
    assert report.memory(results)[1:] == [("CreateTargets", "120", "300", "512")]


def test_the_document_has_all_of_it() -> None:
    results = report.Results([measured(1, 5), measured(300, 300)], SCRIPT)
    written = report.markdown(results, [1, 10, 300])
    for part in ("## Deployments", "| per-task | 300 | new-image |", "## Memory", "| CreateTargets | 80 |", "25 min"):
        assert part in written


def test_a_quick_tool_too_registers_one_revision_a_second() -> None:
    results = report.Results([], {"quick": {1: 0.5, 10: 5}})
    assert [row[2] for row in report.tools(results, [10, 30, 300])[1:]] == ["5 s", "15 s", "5 min"]
    assert results.computed("quick", 300) == 280
