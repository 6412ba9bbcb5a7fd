"""The stage put together: the front door, moto behind it, functions, the world, and the stack that runs in it."""

import json
import threading
import time
from pathlib import Path
from typing import Any

from examples.guestbook import seed
from examples.guestbook.seed import App
from examples.guestbook.steps import Example
from stage.background import World
from stage.cloudformation import resources as cloudformation
from stage.cloudformation import roles
from stage.cloudformation.change_sets import ChangeSets
from stage.cloudformation.deploy import deploy, outputs_of
from stage.control.routes import Routes
from stage.dynamodb import atomic_writes as dynamodb
from stage.faults.scripted import Faults
from stage.gateway.calls import Call, Hook
from stage.gateway.latency import Latency
from stage.gateway.recorder import Recorder
from stage.gateway.server import Front
from stage.iam.access import Access
from stage.invariants.checker import Watch
from stage.lambda_.api import Functions
from stage.lambda_.packages import Packages
from stage.lambda_.sam_runtime import SamRuntime
from stage.lambda_.workers import Workers, steps
from stage.moto.clients import REGION
from stage.quotas.request_rates import Quotas, RulesPerBus
from stage.settings import Settings
from stage.snapshots.account import START, BusyError, Moments
from stage.stepfunctions import interpreter
from stage.stepfunctions.executions import Executions, running, stop_all
from stage.stepfunctions.redrive import Redrive
from stage.validation.documented import Refusals
from stage.validation.requests import Validation

STACK = "rota"
_LONGEST_END_SECONDS = 5
EVENTS = Path(__file__).parent.parent / "events"


class Stage:
    """Serve `front` at `endpoint`, then `open`; `close` ends every process that was started.

    `template` is the SAM template that is deployed, `example` the app that it deploys, `directory` a place for the
    functions' files. There is one stage in a process, because there is one moto.
    """

    def __init__(self, endpoint: str, template: Path, example: Path, directory: Path, *, verbose: bool = False) -> None:
        self.settings = Settings()
        self.recorder = Recorder()
        self.app = App()
        self._endpoint = endpoint
        self._template = template
        self._outputs: dict[str, str] = {}
        self._moments: Moments
        self.ready = False
        """Whether everything is deployed and the user's world is there."""
        self._resetting = threading.Lock()
        self.workers = Workers(endpoint, Packages(directory), verbose=verbose)
        self.functions = Functions(self.workers, self.settings)
        self.sam_runtime = SamRuntime(directory)
        self.watch = Watch()
        self.access = Access()
        self.quotas = Quotas(self.settings)
        self.faults = Faults(self.workers.kill, self._abort, steps)
        self.world = World(
            self.settings, example, self.app.repository, self.functions.invoke_in_background, self.access.as_service
        )
        self.executions = Executions(self.world.bus.publish)
        self._schedule = example / self.app.schedule_key
        self.front = Front(self.workers.caller_of, self.recorder.record, Routes(self))
        as_strict_as_aws: list[Hook] = [Validation(), self.access, Refusals(), RulesPerBus(self.settings)]
        self.front.hooks += [
            Latency(self.settings),
            self.watch,
            self.quotas,
            self.faults,
            *as_strict_as_aws,
            *self.world.hooks,
            ChangeSets(),
            self.executions,
            Redrive(),
            self.sam_runtime,
            self.functions,
        ]

    def open(self, *, bare: bool = False) -> None:
        """Deploy the template, unless `bare`, and make the user's world. The front must be served by then."""
        interpreter.prepare(self.settings, self._endpoint)
        self.executions.prepare()
        dynamodb.complete()
        cloudformation.complete()
        roles.complete()
        if not bare:
            self._outputs = deploy(self._template, STACK, self.app.parameters())
        bucket, table = (self._outputs.get(name, "") for name in ("BucketName", "LedgerTableName"))
        self._moments = Moments(self.world.services, bucket, table)
        seed.make(self.app, self._endpoint, self._schedule.read_bytes(), bucket)
        self._moments.keep(START)
        self.recorder.clear()
        self.ready = True

    @property
    def deployed(self) -> bool:
        """Whether the stage has deployed the template itself."""
        return bool(self._outputs)

    def describe(self) -> dict[str, Any]:
        """What is deployed and under which names, as `GET /_stage/` answers; on a bare stage, what others deployed."""
        outputs = self._outputs or outputs_of(STACK)
        return {
            "region": REGION,
            "state_machine_arn": outputs.get("StateMachineArn"),
            "bucket": outputs.get("BucketName"),
            "schedule_key": self.app.schedule_key,
            "repository": self.app.repository,
            "cluster": self.app.cluster,
            "service": self.app.service,
            "family": self.app.family,
            "container": self.app.container,
            "rule_prefix": self.app.rule_prefix,
            "parameters": self.app.parameters(),
            "outputs": outputs,
        }

    def play_example(self, step: str) -> dict[str, Any]:
        """Start anew and carry out the deployment of `events/` up to before a step.

        Returns the functions' environment, with this stage as a container reaches it, as SAM CLI's --env-vars reads it.
        Raises ExampleError.
        """
        self.reset()
        Example(EVENTS, self.functions.invoke, self.world.services).play(self._outputs["BucketName"], step)
        return {"Parameters": self._environment_in_containers()}

    def keep(self, moment: str) -> None:
        """Keep what there is, for `reset` to go back to. Raises BusyError while anything goes on."""
        at_work = [f"the function of {each['step']}" for each in self.functions.under_way()]
        if goes_on := [*(f"the execution {name}" for name in running()), *at_work, *self.world.moving()]:
            raise BusyError(f"Only what stands still can be kept; wait for {', '.join(goes_on)}.")
        self._moments.keep(moment)

    def reset(self, moment: str = START) -> None:
        """Put everything back to what it was at that moment, and settings and faults to what they are at first.

        Deployed functions stay, and stay warm. Raises UnknownMomentError.
        """
        kept = self._moments.find(moment)
        with self._resetting:
            self.settings.reset()
            self.faults.replace([])
            self.watch.end()
            stop_all()
            self._interrupt()
            self.world.reset()
            self.front.settle()
            self._moments.put_back(kept)
            self.recorder.clear()
            self.access.clear()

    def _interrupt(self) -> None:
        """End all invocations, and wait, some seconds at most, until nothing is left of stopped executions."""
        end = time.monotonic() + _LONGEST_END_SECONDS
        while (interpreter.at_work() or self.functions.under_way()) and time.monotonic() < end:
            self.workers.interrupt()
            time.sleep(0.002)

    def run_functions_in_docker(self) -> None:
        """Let SAM CLI run the functions from now on. Raises SamRuntimeError."""
        self.sam_runtime.start(self._environment_in_containers())

    def _abort(self, call: Call) -> None:
        """Stop the execution for which a function makes this call, or which invokes one by it."""
        event = call.request.get_data() if call.caller is None else self.workers.event_of(call.access_key)
        self.executions.stop(json.loads(event)["execution"]["name"])

    def _environment_in_containers(self) -> dict[str, str]:
        """What the template gives every function, and where a container finds the stage."""
        endpoint = f"http://host.docker.internal:{self._endpoint.rpartition(':')[2]}"
        return {**self.functions.environment("TakeTurn"), "AWS_ENDPOINT_URL": endpoint}

    def close(self) -> None:
        """End tasks and functions."""
        self.sam_runtime.close()
        self.world.close()
        self.functions.close()
