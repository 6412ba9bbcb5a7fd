"""Tasks that do not fit the base task definition: cpu, memory and length."""

import json

import pytest

from rota.ecs.derive import derive_content
from rota.plan.checks import problems_of_lengths, problems_of_sizes
from rota.schedule_file.task import Task
from tests.guestbook import APP_CONTAINER, CONTENT, IMAGE_URI, SETTINGS, SHARED, SIDECAR, definition, task


@pytest.mark.parametrize(
    ("tasks", "problems"),
    [
        pytest.param([task(), task("Other", cpu=512, memory=1024)], [], id="fits"),
        pytest.param(
            [task(), task("Other", cpu=1024)],
            [
                "tasks[1]: with the base task definition this makes cpu 1024 and memory 512, which Fargate does not "
                "offer together; set both cpu and memory"
            ],
            id="cpu alone",
        ),
        pytest.param(
            [task(memory=8192)],
            [
                "tasks[0]: with the base task definition this makes cpu 256 and memory 8192, which Fargate does not "
                "offer together; set both cpu and memory"
            ],
            id="memory alone",
        ),
    ],
)
def test_a_tasks_size_must_fit_the_bases(tasks: list[Task], problems: list[str]) -> None:
    assert list(problems_of_sizes(definition(), SETTINGS, tasks)) == problems


@pytest.mark.parametrize("limit", ["memory", "memoryReservation"])
def test_a_task_needs_more_memory_than_its_sidecars_reserve(limit: str) -> None:
    hungry = {key: value for key, value in SIDECAR.items() if key != "memory"} | {limit: 512}
    content = CONTENT | {"memory": "1024", "containerDefinitions": [APP_CONTAINER | {"memory": 512}, hungry]}
    assert list(problems_of_sizes(definition(content), SETTINGS, [task(memory=512)])) == [
        "tasks[0].memory: the other containers of the task definition alone reserve 512 MiB; give the task more"
    ]


@pytest.mark.parametrize("missing", [{"cpu", "memory"}, {"cpu"}, {"memory"}], ids=["both", "cpu", "memory"])
def test_a_base_without_a_size_is_no_problem_of_a_task(missing: set[str]) -> None:
    content = {key: value for key, value in CONTENT.items() if key not in missing}
    assert list(problems_of_sizes(definition(content), SETTINGS, [task(cpu=512)])) == []


def test_a_sidecar_that_takes_all_the_cpu_is_a_problem() -> None:
    base = definition({**CONTENT, "cpu": "512", "containerDefinitions": [APP_CONTAINER, {**SIDECAR, "cpu": 256}]})
    assert list(problems_of_sizes(base, SETTINGS, [task(), task("A", cpu=256, memory=512)])) == [
        "tasks[1].cpu: the other containers of the task definition alone take 256 units; give the task more"
    ]


def padded(to: int) -> Task:
    """A task whose revision has `to` characters."""
    without = len(json.dumps(derive_content(definition(), SETTINGS, IMAGE_URI, task(environment={"A": ""}))))
    return task(environment={"A": "x" * (to - without)})


def test_a_task_with_its_base_may_be_as_long_as_ecs_allows() -> None:
    assert list(problems_of_lengths(definition(), SETTINGS, IMAGE_URI, [padded(65_536)])) == []
    assert list(problems_of_lengths(definition(), SETTINGS, IMAGE_URI, [task("Small"), padded(65_537)])) == [
        "tasks[1]: with the base task definition this makes 65,537 characters, and ECS allows a whole task definition "
        "65,536; keep large values in S3, SSM or Secrets Manager"
    ]


def test_only_the_overrides_of_a_shared_revision_are_measured() -> None:
    base = definition(CONTENT | {"containerDefinitions": [APP_CONTAINER | {"dockerLabels": {"a": "x" * 66_000}}]})
    assert list(problems_of_lengths(base, SHARED, IMAGE_URI, [task()])) == []
    assert len(list(problems_of_lengths(base, SETTINGS, IMAGE_URI, [task()]))) == 1


def test_without_the_container_there_is_nothing_to_measure() -> None:
    base = definition(CONTENT | {"containerDefinitions": [SIDECAR]})
    assert list(problems_of_lengths(base, SETTINGS, IMAGE_URI, [task(command=["x" * 65_000])])) == []
