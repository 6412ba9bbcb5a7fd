"""docs/cold-starts.md is written by a measurement; these tests find rows that no longer match the code."""

import re

from bench import cold, cold_report
from bench.cold_report import Took
from tests.template import TEMPLATE

PAGE = cold_report.PAGE.read_text()


def rows(page: str) -> list[str]:
    """The first cells of all tables."""
    return re.findall(r"^\| ([\w +]+?) \| (?:[\d,]+ ms|-) \|", page, re.MULTILINE)


def test_the_page_lists_every_function_and_what_all_load() -> None:
    """One that is new has a `-` for each figure, until `make bench-cold` measures it."""
    functions = [name.removesuffix("Function") for name in TEMPLATE["Resources"] if name.endswith("Function")]
    assert rows(PAGE) == [*functions, cold.PLAIN, *functions]


def test_the_seldom_are_functions() -> None:
    assert set(cold_report.SELDOM) < set(cold_report.FUNCTIONS)


def test_the_page_names_the_memory_of_the_functions() -> None:
    assert f"The steps have {cold_report.memory():,} MB" in PAGE
    assert cold_report.memory() in cold_report.SIZES
    assert all(f"| {size:,} MB |" in PAGE for size in cold_report.SIZES[-1:])


def test_the_cost_of_a_size_is_memory_times_duration() -> None:
    took = {"TakeTurn": Took(0.5, 0.1, 1.5, 0.4, 50), "ReadConfig": Took(1, 0.1, 1, 0.4, 50)}
    page = cold_report.page(took, {1024: {**took, "Sweep": Took(1, 0.1, 2, 0.4, 50)}})
    assert "| TakeTurn | 2,000 ms |" in page
    assert "| Sweep | 3,000 ms |" in page
    assert "| a deployment, seconds | 4.0 |" in page
    assert "| a thousand deployments, cents | 7 |" in page  # 4,000 GB-seconds


def test_without_docker_the_page_has_one_table() -> None:
    page = cold_report.page({"TakeTurn": Took(0.5, 0.1, 1.5, 0.4, 50)}, {})
    assert "| TakeTurn | 500 ms | 100 ms | 1,500 ms | 400 ms | 50 MiB |" in page
    assert "Lambda's image" not in page
