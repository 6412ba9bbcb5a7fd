"""The processes that run Lambda functions: cold on first use, warm after, each with the credentials of its role."""

import json
import sys
import threading
import uuid
from datetime import UTC, datetime

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.sts.models import sts_backends

from stage.lambda_.packages import Packages
from stage.lambda_.sandbox import Outcome, Sandbox
from stage.logs import writer as logs
from stage.moto.clients import ACCOUNT, REGION


def step_name(function: LambdaFunction) -> str:
    """What a deployment calls this function: `CreateTargets` for the template's `CreateTargetsFunction`."""
    logical_id: str = getattr(function, "logical_resource_id", "") or function.function_name
    return logical_id.removesuffix("Function")


def steps() -> set[str]:
    """The step names of all functions there are."""
    return {step_name(function) for function in lambda_backends[ACCOUNT][REGION].list_functions()}


class Worker:
    """A process for one version of one function, with an identity and a log of its own."""

    def __init__(self, function: LambdaFunction, configuration: str, endpoint: str, packages: Packages) -> None:
        self.configuration = configuration
        self.step = step_name(function)
        self.verbose = False
        self.event = b""
        """What it was invoked with last."""
        self._function = function
        self._log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
        session = sts_backends[ACCOUNT]["aws"].assume_role(
            region_name=REGION,
            role_session_name=function.function_name,
            role_arn=function.role,
            policy="",
            duration=12 * 3600,
            external_id="",
        )
        self.access_key: str = session.access_key_id
        code = packages.code(function)
        environment = {
            **{name: str(value) for name, value in function.environment_vars.items()},
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._log_stream,
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": function.handler,
            "PYTHONPATH": ":".join(map(str, [code, *packages.layers(function)])),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
        }
        self.sandbox = Sandbox(code, environment, self.log)

    @property
    def cold(self) -> bool:
        """Whether it has yet to load the function's code."""
        return self.sandbox.init_ms is None

    def invoke(self, event: bytes, request_id: str, time_scale: float) -> Outcome:
        """Run the function once, within its own timeout."""
        self.event, timeout = event, float(self._function.timeout)
        return self.sandbox.invoke(event, self._function.function_arn, request_id, timeout, time_scale)

    def log(self, line: str) -> None:
        """Write a line to the function's log group, and to the stage's stderr if it is verbose."""
        logs.write(self._function.logs_group_name, self._log_stream, line)
        if self.verbose:
            sys.stderr.write(f"{self.step}: {line}\n")


class Workers:
    """All of them. One serves one invocation at a time; a second at the same time is for another one."""

    def __init__(self, endpoint: str, packages: Packages, *, verbose: bool) -> None:
        self._endpoint = endpoint
        self._packages = packages
        self._verbose = verbose
        self._lock = threading.Lock()
        self._all: dict[str, Worker] = {}
        self._idle: dict[str, list[Worker]] = {}

    def take(self, function: LambdaFunction) -> Worker:
        """An idle worker of the function as it is now, else a new one; those of what it was before are ended."""
        configuration = json.dumps([function.get_configuration(), function.logs_group_name], default=str)
        with self._lock:
            idle = self._idle.pop(function.function_arn, [])
            usable = [worker for worker in idle if worker.configuration == configuration and worker.sandbox.alive]
            taken = usable.pop() if usable else None
            self._idle[function.function_arn] = usable
        for worker in idle:
            if worker is not taken and worker not in usable:
                self._end(worker)
        if taken is None:
            taken = Worker(function, configuration, self._endpoint, self._packages)
            taken.verbose = self._verbose
            self._all[taken.access_key] = taken
        return taken

    def give_back(self, function: LambdaFunction, worker: Worker) -> None:
        """Keep a worker warm for the next invocation, if its process has survived the last one."""
        if not worker.sandbox.alive:
            self._end(worker)
            return
        with self._lock:
            self._idle.setdefault(function.function_arn, []).append(worker)

    def caller_of(self, access_key: str) -> str | None:
        """The step that an access key was given to, None for a key from elsewhere."""
        worker = self._all.get(access_key)
        return worker.step if worker else None

    def event_of(self, access_key: str) -> bytes:
        """What the function that holds an access key was invoked with last."""
        return self._all[access_key].event

    def kill(self, access_key: str) -> None:
        """End the process that holds this access key, in the middle of what it does; it may have ended already."""
        if worker := self._all.get(access_key):
            worker.sandbox.kill()

    def interrupt(self) -> None:
        """End the processes that serve an invocation now; those that are idle stay warm."""
        with self._lock:
            idle = {worker.access_key for workers in self._idle.values() for worker in workers}
        for access_key in set(self._all) - idle:
            self.kill(access_key)

    def close(self) -> None:
        """End every process."""
        for access_key in list(self._all):
            self.kill(access_key)

    def _end(self, worker: Worker) -> None:
        self._all.pop(worker.access_key, None)
        worker.sandbox.close()
