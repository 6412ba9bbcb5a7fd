"""The bound that the benchmark holds deployments to: how long AWS needs at least for what a deployment needs."""

import pytest

from bench import bound, needs
from bench.bound import Need
from bench.deployment import Case, Mode

LATENCY = 0.04


def always(_call: str) -> float:
    return LATENCY


def register(calls: int, after: tuple[str, ...] = ()) -> Need:
    return Need("register", "ecs", "RegisterTaskDefinition", calls, after, one_by_one=True)


def describe(calls: int) -> Need:
    return Need("describe", "ecs", "DescribeTaskDefinition", calls)


def targets(calls: int, after: tuple[str, ...] = ()) -> Need:
    return Need("targets", "events", "ListTargetsByRule", calls, after)


def put(calls: int, after: tuple[str, ...] = ()) -> Need:
    return Need("put", "events", "PutTargets", calls, after)


def store(number: int, after: tuple[str, ...] = ()) -> Need:
    return Need(f"store {number}", "s3", "PutObject", after=after)


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([store(1)], LATENCY, id="one call"),
        pytest.param([store(1), store(2)], LATENCY, id="two at the same time"),
        pytest.param([store(1), store(2, after=("store 1",))], 2 * LATENCY, id="one after the other"),
        pytest.param([store(2, after=("store 1",)), store(1)], 2 * LATENCY, id="in any order"),
        pytest.param([describe(0)], 0, id="no calls"),
        pytest.param([describe(50)], LATENCY, id="a burst"),
        pytest.param([describe(70)], 1 + LATENCY, id="more than a burst"),
        pytest.param([register(20)], 20 * LATENCY, id="one registration at a time"),
        pytest.param([register(320)], 300 + LATENCY, id="one registration a second"),
        pytest.param([register(320), put(320)], 300 + LATENCY, id="the slowest bucket"),
        pytest.param([put(100), targets(50)], 2 + LATENCY, id="a shared bucket"),
        pytest.param([targets(100), put(50, after=("targets",))], 2 + LATENCY, id="an emptied bucket refills"),
        pytest.param(
            [describe(70), register(21, after=("describe",))], 1 + LATENCY + 1 + LATENCY, id="a full bucket stays full"
        ),
        pytest.param([put(150, after=("targets",)), targets(0)], 2 + LATENCY, id="after what needs no call"),
    ],
)
def test_how_long_aws_needs(calls: list[Need], seconds: float) -> None:
    assert bound.seconds(calls, always) == pytest.approx(seconds)


@pytest.mark.parametrize(("rate", "seconds"), [(1000, 0), (250, 3)])
def test_schedulers_quota_is_the_regions(rate: int, seconds: float) -> None:
    update = Need("update", "scheduler", "UpdateSchedule", 1000)
    assert bound.seconds([update], always, rate) == pytest.approx(seconds + LATENCY)


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([store(1, after=("store 2",)), store(2, after=("store 1",))], id="wait for each other"),
        pytest.param([store(1, after=("nothing of that name",))], id="waits for nothing"),
    ],
)
def test_calls_that_are_never_ready_are_refused(calls: list[Need]) -> None:
    with pytest.raises(ValueError, match=r"never ready: store 1"):
        bound.seconds(calls, always)


def test_each_operation_takes_its_own_time() -> None:
    took = {"s3 PutObject": 1.0, "events PutEvents": 0.25}
    publish = Need("publish", "events", "PutEvents", after=("store 1",))
    assert bound.seconds([store(1), publish], took.__getitem__) == pytest.approx(1.25)


def test_the_events_bucket_is_shared_but_for_put_events() -> None:
    publish = Need("publish", "events", "PutEvents", 500)
    assert bound.seconds([put(50), publish], always) == pytest.approx(LATENCY)


@pytest.mark.parametrize(
    ("mode", "case", "calls"),
    [
        pytest.param("shared", "first", 16, id="a rule is made, then its target"),
        pytest.param("shared", "new-image", 15, id="as many as follow one another"),
        pytest.param("shared", "one-changed", 10, id="nothing to register"),
        pytest.param("shared", "unchanged", 10, id="nothing to do"),
        pytest.param("per-task", "new-image", 17, id="a registration and a listing more"),
        pytest.param("scheduler", "first", 14, id="a schedule is made with its target"),
        pytest.param("scheduler", "new-image", 14, id="no owner is asked"),
    ],
)
def test_one_task_needs_only_calls_that_follow_one_another(mode: Mode, case: Case, calls: int) -> None:
    assert bound.seconds(needs.of_deployment(mode, 1, case), always) == pytest.approx(calls * LATENCY)


# Eleven pages of rules, for there are some on the bus besides a thousand, and a thousand times targets.
READ = (11 + 1000 - 50) / 50


@pytest.mark.parametrize(
    ("mode", "tasks", "case", "seconds"),
    [
        pytest.param("per-task", 1000, "new-image", READ + 1001 - 20 + (2 * 1000 - 50) / 50, id="revisions, targets"),
        pytest.param("per-task", 1000, "one-changed", READ, id="only targets are read"),
        pytest.param("shared", 1000, "first", (1 + 3 * 1000 - 50) / 50, id="owner, rule and target of each"),
        pytest.param("shared", 1000, "new-image", (11 + 3 * 1000 - 50) / 50, id="targets, owner and target of each"),
        pytest.param("shared", 1000, "unchanged", READ, id="only read"),
        pytest.param("scheduler", 5000, "new-image", 100 / 50 + 2 * (5000 - 1000) / 1000, id="each schedule twice"),
    ],
)
def test_many_tasks_need_what_the_quotas_allow(mode: Mode, tasks: int, case: Case, seconds: float) -> None:
    least = bound.seconds(needs.of_deployment(mode, tasks, case), always)
    assert seconds - 1 <= least <= seconds + 1


def counted(mode: Mode, tasks: int, case: Case) -> dict[str, int]:
    found: dict[str, int] = {}
    for need in needs.of_deployment(mode, tasks, case):
        found[need.operation] = found.get(need.operation, 0) + need.calls
    return found


@pytest.mark.parametrize("mode", ["per-task", "shared"])
@pytest.mark.parametrize("case", ["new-image", "one-changed", "unchanged"])
def test_every_deployment_reads_the_targets_of_every_rule(mode: Mode, case: Case) -> None:
    found = counted(mode, 250, case)
    assert (found["ListRules"], found["GetResources"], found["ListTargetsByRule"]) == (3, 3, 250)


@pytest.mark.parametrize("case", ["first", "new-image", "one-changed", "unchanged"])
def test_no_content_of_a_revision_is_read_but_the_base(case: Case) -> None:
    assert counted("per-task", 250, case)["DescribeTaskDefinition"] == 1


@pytest.mark.parametrize(
    ("case", "owners", "rules", "targets", "registrations"),
    [
        pytest.param("first", 250, 250, 250, 251, id="first"),
        pytest.param("new-image", 250, 0, 250, 251, id="new image"),
        pytest.param("one-changed", 1, 0, 1, 1, id="one changed"),
        pytest.param("unchanged", 0, 0, 0, 0, id="unchanged"),
    ],
)
def test_the_owner_of_a_rule_is_asked_before_each_change(
    case: Case, owners: int, rules: int, targets: int, registrations: int
) -> None:
    found = counted("per-task", 250, case)
    operations = ("ListTagsForResource", "PutRule", "PutTargets", "RegisterTaskDefinition")
    assert [found.get(operation, 0) for operation in operations] == [owners, rules, targets, registrations]
