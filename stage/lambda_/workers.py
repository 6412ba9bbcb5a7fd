"""The processes that run Lambda functions: cold at first use, warm afterwards, with their role's credentials."""

import json
import sys
import threading
import uuid

from moto.awslambda.models import LambdaFunction
from moto.sts.models import sts_backends

from stage import clock
from stage.lambda_.names import FunctionNames
from stage.lambda_.packages import Packages
from stage.lambda_.processes import Start
from stage.lambda_.sandbox import Outcome, Sandbox
from stage.logs import streams
from stage.moto.clients import ACCOUNT, REGION


class Worker:
    """A process for one version of one function, with its own credentials and log stream."""

    def __init__(
        self, function: LambdaFunction, name: str, configuration: str, endpoint: str, packages: Packages, start: Start
    ) -> None:
        self.configuration = configuration
        self.name = name
        self.verbose = False
        self.event = b""
        """The event of the latest invocation."""
        self._function = function
        # docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html: a custom group
        name = "" if function.logs_group_name == f"/aws/lambda/{function.function_name}" else function.function_name
        self._log_stream = f"{clock.now():%Y/%m/%d}/{name}[{function.version}]{uuid.uuid4().hex}"
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
        self.sandbox = Sandbox(code, environment, self.log, start)

    @property
    def cold(self) -> bool:
        """Whether it has not loaded the function's code yet."""
        return self.sandbox.init_ms is None

    @property
    def usable(self) -> bool:
        """Whether its process is alive, and sees the stage's time."""
        return self.sandbox.alive and (self.sandbox.sees_clock or not clock.offset())

    def invoke(self, event: bytes, request_id: str, time_scale: float) -> Outcome:
        """Run the function once, within its own timeout."""
        self.event, timeout = event, float(self._function.timeout)
        return self.sandbox.invoke(event, self._function.function_arn, request_id, timeout, time_scale)

    def log(self, line: str) -> None:
        """Write a line to the function's log group, and to the stage's stderr if it is verbose."""
        streams.append(self._function.logs_group_name, self._log_stream, line)
        if self.verbose:
            sys.stderr.write(f"{self.name}: {line}\n")


class Workers:
    """All workers. One serves one invocation at a time; invocations at the same time need several."""

    def __init__(self, endpoint: str, packages: Packages, names: FunctionNames, start: Start, *, verbose: bool) -> None:
        self._endpoint = endpoint
        self._packages = packages
        self._names = names
        self._start = start
        self._verbose = verbose
        self._lock = threading.Lock()
        self._all: dict[str, Worker] = {}
        self._idle: dict[str, list[Worker]] = {}

    def take(self, function: LambdaFunction) -> Worker:
        """An idle worker of the function's current configuration, else a new one; workers of older ones are ended."""
        configuration = json.dumps([function.get_configuration(), function.logs_group_name], default=str)
        with self._lock:
            idle = self._idle.pop(function.function_arn, [])
            usable = [worker for worker in idle if worker.configuration == configuration and worker.usable]
            taken = usable.pop() if usable else None
            self._idle[function.function_arn] = usable
        for worker in idle:
            if worker is not taken and worker not in usable:
                self._end(worker)
        if taken is None:
            name = self._names.of(function)
            taken = Worker(function, name, configuration, self._endpoint, self._packages, self._start)
            taken.verbose = self._verbose
            self._all[taken.access_key] = taken
        return taken

    def give_back(self, function: LambdaFunction, worker: Worker) -> None:
        """Keep a worker warm for the next invocation, if its process is still alive."""
        if not worker.sandbox.alive:
            self._end(worker)
            return
        with self._lock:
            self._idle.setdefault(function.function_arn, []).append(worker)

    def caller_of(self, access_key: str) -> str | None:
        """The name of the function that owns an access key; None for any other key."""
        worker = self._all.get(access_key)
        return worker.name if worker else None

    def event_of(self, access_key: str) -> bytes:
        """The event of the latest invocation by the owner of an access key."""
        return self._all[access_key].event

    def kill(self, access_key: str) -> None:
        """Kill the process that owns this access key, also in the middle of an invocation."""
        if worker := self._all.get(access_key):
            worker.sandbox.kill()

    def interrupt(self) -> None:
        """Kill the processes that serve an invocation now; idle ones stay warm."""
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
