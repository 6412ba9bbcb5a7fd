"""A job with a rule and a schedule in Scheduler, as while it moves: which is read, and what is switched."""

from typing import NamedTuple

import pytest

from rota.schedules.backend import connect
from rota.schedules.found import Found
from tests.guestbook import APP, CLUSTER_ARN, ENVIRONMENT, PREFIX, SETTINGS, arn
from tests.in_process import client
from tests.steps.world import World

NAME = f"{PREFIX}Report"
FOREIGN = "another/app"


class Both(NamedTuple):
    """Whether each is on; None: there is none."""

    rule: bool | None
    scheduled: bool | None
    owner: str = APP

    def make(self) -> None:
        if self.rule is not None:
            client("events").put_rule(
                Name=NAME,
                ScheduleExpression="cron(0 6 * * ? *)",
                State="ENABLED" if self.rule else "DISABLED",
                Tags=[{"Key": "rota:app", "Value": self.owner}],
            )
        if self.scheduled is not None:
            client("scheduler").create_schedule(
                GroupName=SETTINGS.schedule_group,
                Name=NAME,
                ScheduleExpression="cron(0 6 * * ? *)",
                State="ENABLED" if self.scheduled else "DISABLED",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={
                    "Arn": CLUSTER_ARN,
                    "RoleArn": ENVIRONMENT["SCHEDULER_ROLE_ARN"],
                    "EcsParameters": {"TaskDefinitionArn": arn(1)},
                },
            )


ON, OFF, NONE = True, False, None
States = tuple[bool | None, bool | None]


class Case(NamedTuple):
    """What there is, which of the two is read, and what there is once it is switched off, and on."""

    given: Both
    read: str | None
    off: States
    on: States


CASES = {
    "a rule": Case(Both(ON, NONE), "rules", (OFF, NONE), (ON, NONE)),
    "in Scheduler": Case(Both(NONE, ON), "scheduler", (NONE, OFF), (NONE, ON)),
    "the rule is on": Case(Both(ON, OFF), "rules", (OFF, OFF), (ON, OFF)),
    "that in Scheduler is on": Case(Both(OFF, ON), "scheduler", (OFF, OFF), (OFF, ON)),
    "both are on": Case(Both(ON, ON), "rules", (OFF, OFF), (ON, ON)),
    "both are off": Case(Both(OFF, OFF), "rules", (OFF, OFF), (ON, OFF)),
    "beside a foreign rule": Case(Both(ON, OFF, FOREIGN), "scheduler", (ON, OFF), (ON, ON)),
    "a foreign rule alone": Case(Both(ON, NONE, FOREIGN), None, (ON, NONE), (ON, NONE)),
}


@pytest.fixture(params=[*CASES.values()], ids=[*CASES])
def case(request: pytest.FixtureRequest, world: World) -> Case:
    found: Case = request.param
    found.given.make()
    return found


def test_one_is_read(case: Case) -> None:
    schedules = connect(SETTINGS)
    read, found = schedules.read(NAME), schedules.find(NAME)
    assert (read and read.backend) == case.read
    is_on, in_scheduler = read.is_enabled if read else True, case.read == "scheduler"
    assert found == Found(exists=True, is_owned=read is not None, is_on=is_on, in_scheduler=in_scheduler)


@pytest.mark.parametrize("on", [False, True], ids=["off", "on"])
def test_no_more_than_one_is_switched_on(world: World, case: Case, on: bool) -> None:
    schedules = connect(SETTINGS)
    before = schedules.find(NAME)
    assert schedules.switch(NAME, on=on)._replace(in_scheduler=before.in_scheduler) == before
    left = world.rules().get(NAME), world.schedules().get("Report")
    assert tuple(each and each["State"] == "ENABLED" for each in left) == (case.on if on else case.off)


@pytest.mark.parametrize(
    ("given", "left"), [(Both(OFF, OFF), (OFF, ON)), (Both(OFF, NONE), (ON, NONE)), (Both(NONE, OFF), (NONE, ON))]
)
def test_of_two_that_are_off_the_one_in_scheduler_may_be_meant(world: World, given: Both, left: States) -> None:
    given.make()
    connect(SETTINGS).switch(NAME, on=True, in_scheduler=True)
    found = world.rules().get(NAME), world.schedules().get("Report")
    assert tuple(each and each["State"] == "ENABLED" for each in found) == left
