"""The tool behind `make mutants`: which changes it makes, in which order tests are run, what it reports."""

import json
import textwrap
from collections.abc import Iterator

import pytest
import yaml

from tests.examples import ROOT
from tests.mutants import __main__ as program
from tests.mutants import of_asl, of_python, of_template, report
from tests.mutants import trial as trials
from tests.mutants.coverage import Coverage
from tests.mutants.mutant import Mutant
from tests.mutants.trial import Selection, Verdict, trial


def bodies(statement: str) -> set[str]:
    """The statement by which each mutant replaces this one in a function."""
    text = f"def f(a, b):\n    {statement}\n"
    made = [mutant.make() for mutant in of_python.mutants("f.py", text)]
    return {" ".join(each.split("\n", 1)[1].split()) for each in made if each}


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        ("return a < b", {"return (a <= b)", "return (a >= b)", "return None"}),
        ("return a is b", {"return (a is not b)", "return None"}),
        ("return a and b", {"return (a or b)", "return a", "return b", "return None"}),
        ("return not a", {"return a", "return None"}),
        ("return a - b", {"return (a + b)", "return None"}),
        ("return a | b", {"return a", "return b", "return None"}),
        ("a += b", {"pass"}),
        ("a(b)", {"pass"}),
        ("raise a", {"pass"}),
        ("return min(a)", {"return max(a)", "return None"}),
        ("return a[1:]", {"return a", "return a[2:]", "return a[(0):]", "return None"}),
        ("return a(b=b)", {"return a()", "return None"}),
        ("return {a: b}", {"return {}", "return None"}),
        ("return {a}", {"return set()", "return None"}),
        ("return [c for c in a if b]", {"return [c for c in a if True]", "return None"}),
        ("return True", {"return False", "return None"}),
        ("return 'a = :b OR c'", {"return 'Xa = :b OR c'", "return 'a = :b'", "return 'c'", "return None"}),
        ("a: list[1] = b", set()),
        ("'''Words.'''", set()),
        ("return f'{a - 1}'", {"return None"}),
    ],
)
def test_the_changes_to_a_statement(statement: str, changed: set[str]) -> None:
    assert bodies(statement) == changed


def test_a_condition_and_an_except_clause_are_changed() -> None:
    text = textwrap.dedent(
        """
        def f(a):
            try:
                if a:
                    return
            except KeyError:
                return
        """
    )
    made = {mutant.operator: mutant.make() or "" for mutant in of_python.mutants("f.py", text)}
    assert made.keys() == {"condition", "no-except"}
    assert "if (not a):" in made["condition"]
    assert "except ():" in made["no-except"]


def test_a_change_leaves_all_other_lines_where_they_are() -> None:
    text = "def f():\n    g(\n        1,\n        b=2,\n    )\n    return 3\n"
    made = [mutant.make() or "" for mutant in of_python.mutants("f.py", text)]
    assert {each.splitlines()[5] for each in made} == {
        "    return 3",
        "    return 4",
        "    return (2)",
        "    return None",
    }


def test_a_mutant_is_noticed_on_the_lines_of_its_function() -> None:
    text = "LIMIT = 1\n\ndef f(a=2):\n    return (\n        3\n    )\n"
    lines = {mutant.change: mutant.lines for mutant in of_python.mutants("f.py", text) if mutant.operator == "const+1"}
    assert lines == {"1  =>  2": frozenset(), "2  =>  3": frozenset(), "3  =>  4": frozenset({4, 5})}


def test_the_changes_to_a_state_machine() -> None:
    choice = {"Variable": "$.a", "BooleanEquals": True, "Next": "End"}
    retry = {"ErrorEquals": ["E"], "MaxAttempts": 3, "IntervalSeconds": 0}
    states = {"Ask": {"Choices": [choice], "Default": "End"}, "Do": {"Retry": [retry]}, "End": {"Type": "Succeed"}}
    machine = {"StartAt": "Ask", "States": states}
    made = {
        mutant.change: json.loads(mutant.make() or "{}") for mutant in of_asl.mutants("m.json", json.dumps(machine))
    }
    assert machine not in made.values(), "each is a change"
    assert made.keys() >= {
        'StartAt -> "Do"',
        "Ask.Choices[True] dropped",
        "Ask.Choices[True].BooleanEquals -> false",
        'Ask.Choices[True].Next -> "Do"',
        'Ask.Default -> "Do"',
        "Do.Retry dropped",
        "Do.Retry[E] dropped",
        "Do.Retry[E].MaxAttempts -> 6",
        "Do.Retry[E].IntervalSeconds -> 1",
        "Do.Retry[E].ErrorEquals[E] dropped",
    }


TEMPLATE = """
Parameters:
  Port: { Type: Number, MinValue: 1 }
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Enabled: true
      Policies:
        - Statement:
            - Effect: Allow
              Action: [s3:GetObject, s3:PutObject]
              Resource: !Sub ${Bucket}/*
"""


def test_the_changes_to_a_template() -> None:
    made = {mutant.change: mutant.make() or "" for mutant in of_template.mutants("template.yaml", TEMPLATE)}
    statement = "Role.Properties.Policies[0].Statement[0]"
    assert made.keys() >= {
        "Port.MinValue: 1 -> 3",
        "Port.MinValue: 1 dropped",
        "Role.Properties.Enabled: true -> false",
        f"{statement}.Action[0]: s3:GetObject -> s3:*",
        f"{statement}.Action[0]: s3:GetObject dropped",
        f"{statement}.Resource: !Sub ${{Bucket}}/* -> *",
    }
    assert len(set(made.values())) == len(made)
    plain = yaml.compose(TEMPLATE)
    assert yaml.serialize(plain) not in made.values()


def test_the_same_seed_draws_the_same_mutants() -> None:
    first, again, other = ([mutant.id for mutant in program.draw(ROOT, seed, 40, ["asl"])] for seed in (5, 5, 6))
    assert len(set(first)) == 40
    assert first == again
    assert first != other


def test_most_mutants_are_of_python() -> None:
    assert program.shares(40, ["python", "asl", "template"]) == {"python": 30, "asl": 5, "template": 5}
    assert program.shares(40, ["asl"]) == {"asl": 40}


class Ended:
    """A run of pytest that has ended."""

    def __init__(self, failed: str = "", *, timed_out: bool = False) -> None:
        self.code, self.timed_out = int(bool(failed)), timed_out
        self.answer = lambda: failed


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        ([Ended(), Ended()], Verdict("survived")),
        ([Ended(), Ended("test_b")], Verdict("killed", "test_b")),
        ([Ended(timed_out=True)], Verdict("timeout", "unit")),
    ],
)
def test_a_trial_ends_with_the_first_failure(runs: list[Ended], verdict: Verdict) -> None:
    waiting = trial([Selection("unit", ("a",), 1), Selection("none", (), 1), Selection("stage", ("b",), 1)])
    next(waiting)

    def ends() -> Iterator[Verdict]:
        for each in runs:
            try:
                waiting.send(each)  # type: ignore[arg-type]  # as much of a run as is asked for
            except StopIteration as ended:
                yield ended.value

    assert list(ends()) == [verdict]


def test_a_modules_own_tests_come_first() -> None:
    seconds = {
        "tests/steps/test_hold.py::a": 1,
        "tests/steps/test_pauses.py::b": 2,
        "tests/steps/test_take_turn.py::c": 3,
    }
    path = "functions/take_turn/app.py"
    measured = {"seconds": seconds, "modules": [], "failed": [], "lines": {test: {path: [1]} for test in seconds}}
    tests = trials.Tests(ROOT, Coverage(measured), stage=False)
    tests.kills["tests/steps/test_pauses.py"] += 3
    mutant = Mutant("python", path, 1, "cmp", "", lambda: "", lines=frozenset({1}))
    steps = next(each for each in tests.selections(mutant) if each.name == "steps")
    assert [test[-1] for test in steps.tests] == ["c", "b", "a"]


def test_the_report_counts_by_area_and_lists_survivors() -> None:
    mutant = Mutant("python", "f.py", 3, "cmp", "a < b  =>  (a <= b)", lambda: "")
    base = {"path": mutant.path, "line": 3, "operator": "cmp", "change": mutant.change, "stage": True}
    verdicts = ["killed", "killed", "timeout", "survived"]
    table, *_ = (
        line for line in report.report([{**base, "area": "python", "verdict": v} for v in verdicts]) if "75%" in line
    )
    assert table.split() == ["python", "4", "2", "1", "1", "0", "75%"]
    assert "  f.py:3 [cmp] a < b  =>  (a <= b)" in report.report([{**base, "area": "python", "verdict": "survived"}])
