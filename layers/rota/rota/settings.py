"""The template's parameters, from the environment of a function."""

import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field

from rota.contract.shape import Shape


def _split_at_commas(text: Any) -> Any:
    return tuple(item.strip() for item in text.split(",") if item.strip()) if isinstance(text, str) else text


def _split_as_shell(text: Any) -> Any:
    return tuple(shlex.split(text)) if isinstance(text, str) else text


def _none_as_the_base(given: Any) -> Any:
    """`base` means: as the task definition has it. So does a variable that says nothing."""
    return None if given in ("base", "") else given


Items = Annotated[tuple[str, ...], BeforeValidator(_split_at_commas)]
Words = Annotated[tuple[str, ...], BeforeValidator(_split_as_shell)]
Port = Annotated[int, Field(ge=1, le=65_535)]


class Settings(Shape):
    """One app: a repository, a service, a task-definition family and a schedule file.

    `api_command` and `api_port` are None where the base's stay. `state_machine_arn` is known to Sweep and Approve.
    `run_queue_arn` names the queue of what AWS reports of runs, which is there whether or not they are watched.
    """

    repository: str
    cluster: str
    service: str
    family: str
    container: str
    start_command: Words
    api_command: Annotated[Words | None, BeforeValidator(_none_as_the_base)] = None
    api_port: Annotated[Port | None, BeforeValidator(_none_as_the_base)] = None
    rule_prefix: str
    subnets: Items
    security_groups: Items
    assign_public_ip: Literal["ENABLED", "DISABLED"] = "DISABLED"
    task_networks: Literal["stack", "any"] = "stack"
    platform_version: str = "LATEST"
    events_role_arn: str
    events_role_allows: Items = ()
    former_events_role_arns: Items = ()
    task_role_arns: Items
    secrets_allowed: Items = ()
    schedules_in: Literal["rules", "scheduler"] = "rules"
    schedule_group: str = ""
    scheduler_role_arn: str = ""
    rule_quota: int = 300
    revision_mode: Literal["per-task", "shared"] = "per-task"
    rollout_timeout_minutes: int = 30
    deploy_window: str = ""
    approval: Literal["none", "required", "required-always"] = "none"
    approval_days: int = 7
    history_days: int = 365
    watch_runs: bool = False
    trace_scheduled_time: bool = False
    run_queue_arn: str = ""
    run_actions: Literal["none", "stop", "start", "both"] = "none"
    explain_missed: bool = False
    run_history_days: int = 90
    job_log_groups: Items = ()
    log_tail: int = 10
    notifications_topic_arn: str = ""
    chat_topic_arn: str = ""
    state_machine_arn: str = ""
    schedule_keys: Items
    bucket: str
    table: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read `REPOSITORY`, `CLUSTER` and so on, which `template.yaml` sets for every function. All other variables
        are ignored: credentials are among them. pydantic's ValidationError names what is missing or wrong.
        """
        given = {name: environment[name.upper()] for name in cls.model_fields if name.upper() in environment}
        return cls.model_validate(given)

    @property
    def stops_runs(self) -> bool:
        """Whether Rota may stop a run where the schedule file asks for it."""
        return self.watch_runs and self.run_actions in ("stop", "both")

    @property
    def starts_runs(self) -> bool:
        """Whether Rota may start a run once more where the schedule file asks for it."""
        return self.watch_runs and self.run_actions in ("start", "both")

    @property
    def app(self) -> str:
        """The app's name, `cluster/service`: the value of the owner tag."""
        return f"{self.cluster}/{self.service}"
