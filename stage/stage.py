"""The stage put together: the gateway with its hooks, moto behind it, functions, and what a scenario deploys."""

import json
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from moto.sns.models import sns_backends

from stage import clock
from stage.background import Background
from stage.cloudformation import resources, roles, updates
from stage.cloudformation.change_sets import ChangeSets
from stage.cloudformation.deploy import deploy, outputs_of
from stage.faults.scripted import Faults
from stage.gateway.calls import Call, Hook
from stage.gateway.latency import Latency
from stage.gateway.recorder import Recorder
from stage.gateway.server import Gateway
from stage.gateway.words import Words
from stage.iam.access import Access
from stage.invariants.checker import Invariants
from stage.lambda_ import processes
from stage.lambda_.api import Functions
from stage.lambda_.event_sources import EventSources
from stage.lambda_.names import FunctionNames
from stage.lambda_.packages import Packages
from stage.lambda_.processes import Start
from stage.lambda_.sam_runtime import SamRuntime
from stage.lambda_.workers import Workers
from stage.moto.clients import ACCOUNT, REGION
from stage.quotas.request_rates import RequestRates
from stage.quotas.rules_per_bus import RulesPerBus
from stage.s3 import object_events
from stage.scenario import Outputs, Scenario
from stage.scheduler import groups_of_stacks
from stage.settings import Settings
from stage.snapshots.account import START, BusyError, Snapshots
from stage.stepfunctions import interpreter
from stage.stepfunctions.answers import Answers
from stage.stepfunctions.executions import Executions, running, stop_all
from stage.stepfunctions.redrive import Redrive
from stage.validation.documented import DocumentedRules
from stage.validation.requests import Validation

_LONGEST_INTERRUPTION_SECONDS = 5


class Stage:
    """Serve `gateway` at `endpoint`, then call `open`; `close` ends every process that was started.

    `directory` is a place for the functions' files, `start` how their processes start. There is one stage in a process,
    because there is one moto.
    """

    def __init__(
        self, endpoint: str, scenario: Scenario, directory: Path, *, start: Start = processes.new, verbose: bool = False
    ) -> None:
        self.settings = Settings()
        self.recorder = Recorder()
        self._endpoint = endpoint
        self._scenario = scenario
        self._outputs: Outputs = {}
        self._snapshots: Snapshots
        self.ready = False
        """Whether everything is deployed and seeded."""
        self._resetting = threading.Lock()
        self._names = FunctionNames(scenario.function_suffix)
        self._deployed_functions: set[str] = set()
        self.workers = Workers(endpoint, Packages(directory), self._names, start, verbose=verbose)
        self.functions = Functions(self.workers, self._names, self.settings)
        self.sam_runtime = SamRuntime(directory)
        self.invariants = Invariants(scenario.owner_tag)
        self.access = Access()
        self.quotas = RequestRates(self.settings)
        self.faults = Faults(self.workers.kill, self._abort, self._names.all)
        self.background = Background(
            self.settings,
            scenario.directory,
            scenario.repository,
            self.functions.invoke_in_background,
            self.access.as_service,
        )
        self.event_sources = EventSources(
            self.background.timer.after, self.functions.invoke_and_wait, self.access.as_service
        )
        self.executions = Executions(self.background.bus.publish)
        self.gateway = Gateway(self.workers.caller_of, self.recorder.record)
        refusing: list[Hook] = [Validation(), self.access, DocumentedRules(), RulesPerBus(self.settings)]
        self.gateway.hooks += [
            Latency(self.settings),
            self.invariants,
            self.quotas,
            self.faults,
            *refusing,
            Words(),
            *self.background.hooks,
            ChangeSets(),
            self.executions,
            Redrive(),
            Answers(),
            self.sam_runtime,
            self.functions,
        ]

    def open(self, *, bare: bool = False) -> None:
        """Deploy the scenario's template, unless `bare`, and seed the account. The gateway must be served already."""
        interpreter.install(self.settings, self._endpoint)
        self.executions.install()
        self.event_sources.install()
        resources.install()
        roles.install()
        updates.install()
        groups_of_stacks.install()
        object_events.install(self.background.bus.publish)
        if self._scenario.template and not bare:
            self._outputs = deploy(self._scenario.template, self._scenario.stack, self._scenario.parameters())
        self._deployed_functions = self._names.all()
        self._snapshots = Snapshots(self.background.services)
        self._scenario.seed(self._endpoint, self._outputs)
        self._snapshots.keep(START)
        self.recorder.clear()
        self.ready = True

    @property
    def deployed(self) -> bool:
        """Whether the stage has deployed a template itself."""
        return bool(self._outputs)

    @property
    def summary(self) -> str:
        """What is deployed, in one line."""
        stack = f"the stack {self._scenario.stack}" if self.deployed else "no stack"
        return f"{stack}, {self._scenario.summary(self.describe())}"

    def describe(self) -> dict[str, Any]:
        """What is deployed and under which names, as `GET /_stage/` answers; on a bare stage, what others deployed."""
        outputs = self._outputs or outputs_of(self._scenario.stack)
        return {
            "region": REGION,
            **self._scenario.names(outputs),
            "parameters": self._scenario.parameters(),
            "outputs": outputs,
        }

    def play(self, step: str) -> dict[str, Any]:
        """Reset the stage and play the scenario's example deployment up to before a step. Raises ScenarioError.

        Returns the functions' environment as SAM CLI's --env-vars reads it, with the stage's address for containers.
        """
        self.reset()
        self._scenario.play(step, self._outputs, self.functions.invoke, self.background.services)
        return {"Parameters": self._environment_in_containers()}

    def messages(self) -> list[dict[str, Any]]:
        """What was published to SNS, of each topic the oldest first, as a subscriber gets it."""
        return [
            {
                "topic": arn,
                "subject": subject,
                "message": message,
                "attributes": {name: attribute["Value"] for name, attribute in (attributes or {}).items()},
            }
            for arn, topic in sns_backends[ACCOUNT][REGION].topics.items()
            for _, message, subject, attributes, _ in topic.sent_notifications
        ]

    def clock(self) -> dict[str, Any]:
        """The time of the stage's clock."""
        return {"now": clock.text(clock.now())}

    def move_clock(self, until: datetime) -> dict[str, Any]:
        """Advance the clock to a time, or set it back. With `fire_schedules`, fire what falls due until then.

        Returns the time, and under `fired` what was fired.
        """
        fires = self.settings.fire_schedules and until > clock.now()
        fired = self.background.fire_due(until) if fires else []
        if not fires:
            self.background.move_clock((until - clock.now()).total_seconds())
        return {**self.clock(), "fired": fired}

    def keep(self, name: str) -> None:
        """Keep a snapshot for `reset`. Raises BusyError while an execution, invocation, rollout or task runs."""
        invocations = [f"the function of {each['step']}" for each in self.functions.active()]
        active = [*(f"the execution {name}" for name in running()), *invocations, *self.background.active()]
        if active:
            raise BusyError(f"A snapshot needs an account in which nothing changes; wait for {', '.join(active)}.")
        self._snapshots.keep(name)

    def reset(self, name: str = START) -> None:
        """Restore a snapshot, and the settings and faults that a stage starts with.

        Deployed functions stay, and stay warm. Raises UnknownSnapshotError.
        """
        snapshot = self._snapshots.find(name)
        with self._resetting:
            self.settings.reset()
            clock.reset()
            self.faults.replace([])
            self.invariants.end()
            stop_all()
            self._interrupt()
            self.background.reset()
            self.gateway.wait_until_idle()
            self._snapshots.restore(snapshot)
            self.recorder.clear()
            self.access.clear()

    def _interrupt(self) -> None:
        """End all invocations, and wait some seconds at most until stopped executions have ended."""
        end = time.monotonic() + _LONGEST_INTERRUPTION_SECONDS
        while (interpreter.active() or self.functions.active()) and time.monotonic() < end:
            self.workers.interrupt()
            time.sleep(0.002)

    def run_functions_in_docker(self) -> None:
        """Have SAM CLI run the functions from now on. Raises SamRuntimeError."""
        self.sam_runtime.start(self._environment_in_containers())

    def _abort(self, call: Call) -> None:
        """Stop the execution whose function makes this call, or which invokes a function by it."""
        event = json.loads(call.request.get_data() if call.caller is None else self.workers.event_of(call.access_key))
        for key in self._scenario.execution_in_event:
            event = event[key]
        self.executions.stop(event)

    def _environment_in_containers(self) -> dict[str, str]:
        """The deployed functions' variables, and the address at which a container reaches the stage."""
        endpoint = f"http://host.docker.internal:{self._endpoint.rpartition(':')[2]}"
        variables = [self.functions.environment(name) for name in self._deployed_functions]
        return {name: value for each in variables for name, value in each.items()} | {"AWS_ENDPOINT_URL": endpoint}

    def close(self) -> None:
        """End functions and tasks. A function that runs would wait for answers that no server gives any more."""
        self.sam_runtime.close()
        self.functions.close()
        self.background.close()
