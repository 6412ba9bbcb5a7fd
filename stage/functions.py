"""AWS Lambda: runs what was deployed, each function in processes of its own with its role's credentials.

Code, layers, environment, timeout and role come from moto's Lambda at each invocation, so it does not matter who
deployed them. On AWS, invocations run on Lambda's machines and Python; here on this machine's, so a layer's binary
wheels that are not for this Python give way to what is installed here (see `stage.packages`).
"""

import json
import math
import sys
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.sts.models import sts_backends
from werkzeug.datastructures import Headers

from stage import logs
from stage.calls import Call, Reply
from stage.direct import ACCOUNT, REGION
from stage.packages import Packages
from stage.sandbox import Outcome, Sandbox

PAYLOAD_LIMIT = 6 * 1024 * 1024  # docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, synchronous


def step_name(function: LambdaFunction) -> str:
    """What a deployment calls this function: `CreateTargets` for the template's `CreateTargetsFunction`."""
    logical_id: str = getattr(function, "logical_resource_id", "") or function.function_name
    return logical_id.removesuffix("Function")


@dataclass(eq=False)
class Worker:
    """A sandbox with the identity that it was given."""

    sandbox: Sandbox
    step: str
    access_key: str
    log_group: str
    log_stream: str


@dataclass
class Pool:
    """The warm, idle workers of one version of one function."""

    configuration: str = ""
    idle: list[Worker] = field(default_factory=list)


class Functions:
    """Answers Lambda's Invoke; a hook of the front door (see `stage.calls.Hook`)."""

    def __init__(self, endpoint: str, packages: Packages, *, verbose: bool = False) -> None:
        self._endpoint = endpoint
        self._packages = packages
        self._verbose = verbose
        self._lock = threading.Lock()
        self._pools: defaultdict[str, Pool] = defaultdict(Pool)
        self._workers: dict[str, Worker] = {}

    def before(self, call: Call) -> Reply | None:
        """Invoke: RequestResponse waits for the outcome, Event does not (and, unlike on AWS, is not retried)."""
        if call.key != ("lambda", "Invoke"):
            return None
        name, qualifier = call.path_params["FunctionName"], call.request.args.get("Qualifier")
        try:
            function = lambda_backends[ACCOUNT][call.region].get_function(name, qualifier)
        except UnknownFunctionException as unknown:
            return Reply.refusal(call, "ResourceNotFoundException", str(unknown.message), 404)
        event = call.request.get_data()
        if len(event) > PAYLOAD_LIMIT:
            message = f"{len(event)} byte payload is too large for the Invoke operation (limit {PAYLOAD_LIMIT} bytes)"
            return Reply.refusal(call, "RequestTooLargeException", message, 413)
        request_id = str(uuid.uuid4())
        headers = Headers({"x-amzn-RequestId": request_id, "X-Amz-Executed-Version": str(function.version)})
        match call.request.headers.get("X-Amz-Invocation-Type", "RequestResponse"):
            case "DryRun":
                return Reply(204, headers=headers)
            case "Event":
                threading.Thread(target=self.invoke, args=(function, event, request_id), daemon=True).start()
                return Reply(202, headers=headers)
        outcome = self.invoke(function, event, request_id)
        headers["Content-Type"] = "application/json"
        if outcome.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return Reply(200, outcome.payload, headers)

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""

    def invoke(self, function: LambdaFunction, event: bytes, request_id: str) -> Outcome:
        """Run the function once, in a warm worker if one is idle, else in a new one."""
        worker = self._take(function)
        cold = worker.sandbox.init_ms is None
        begun = time.perf_counter()
        outcome = worker.sandbox.invoke(event, function.function_arn, request_id, float(function.timeout))
        init = worker.sandbox.init_ms if cold and worker.sandbox.init_ms else 0.0
        duration = (time.perf_counter() - begun) * 1000 - init
        report = (
            f"REPORT RequestId: {request_id}\tDuration: {duration:.2f} ms\tBilled Duration: {math.ceil(duration)} ms"
        )
        report += f"\tMemory Size: {function.memory_size} MB"
        if init:
            report += f"\tInit Duration: {init:.2f} ms"
        self._log(worker, report)
        self._give_back(function, worker)
        if len(outcome.payload) > PAYLOAD_LIMIT:
            message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
            error = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
            return Outcome(json.dumps(error).encode(), failed=True)
        return outcome

    def invoke_in_background(self, name: str, event: bytes) -> None:
        """Run a function, by name or ARN, without waiting for it: for AWS's own services, such as EventBridge.

        Raises moto's UnknownFunctionException.
        """
        function = lambda_backends[ACCOUNT][REGION].get_function(name)
        threading.Thread(target=self.invoke, args=(function, event, str(uuid.uuid4())), daemon=True).start()

    def caller_of(self, access_key: str) -> str | None:
        """The step that an access key was given to, None for a key from elsewhere."""
        worker = self._workers.get(access_key)
        return worker.step if worker else None

    def kill(self, access_key: str) -> None:
        """End the process that holds this access key, in the middle of what it does. KeyError when there is none."""
        self._workers[access_key].sandbox.kill()

    def interrupt(self) -> None:
        """End the processes that serve an invocation now; those that are idle stay warm."""
        with self._lock:
            idle = {worker.access_key for pool in self._pools.values() for worker in pool.idle}
            busy = [worker for worker in self._workers.values() if worker.access_key not in idle]
        for worker in busy:
            worker.sandbox.kill()

    def close(self) -> None:
        """End every process."""
        with self._lock:
            workers, self._workers = list(self._workers.values()), {}
            self._pools.clear()
        for worker in workers:
            worker.sandbox.close()

    def _take(self, function: LambdaFunction) -> Worker:
        configuration = json.dumps([function.get_configuration(), function.logs_group_name], default=str)
        with self._lock:
            pool = self._pools[function.function_arn]
            outdated = pool.idle if pool.configuration != configuration else []
            if outdated or not pool.configuration:
                self._pools[function.function_arn] = pool = Pool(configuration)
            warm = pool.idle.pop() if pool.idle else None
        for worker in outdated:
            self._end(worker)
        if warm and warm.sandbox.alive:
            return warm
        if warm:
            self._end(warm)
        return self._start(function)

    def _give_back(self, function: LambdaFunction, worker: Worker) -> None:
        with self._lock:
            if worker.sandbox.alive and worker.access_key in self._workers:
                self._pools[function.function_arn].idle.append(worker)
                return
        self._end(worker)

    def _end(self, worker: Worker) -> None:
        self._workers.pop(worker.access_key, None)
        worker.sandbox.close()

    def _start(self, function: LambdaFunction) -> Worker:
        session = sts_backends[ACCOUNT]["aws"].assume_role(
            region_name=REGION,
            role_session_name=function.function_name,
            role_arn=function.role,
            policy="",
            duration=12 * 3600,
            external_id="",
        )
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
        code = self._packages.code(function)
        environment = {
            **{name: str(value) for name, value in function.environment_vars.items()},
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": function.handler,
            "PYTHONPATH": ":".join(map(str, [code, *self._packages.layers(function)])),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
        }
        group, step = function.logs_group_name, step_name(function)

        def log(line: str) -> None:
            self._write(group, stream, step, line)

        worker = Worker(Sandbox(code, environment, log), step, session.access_key_id, group, stream)
        self._workers[worker.access_key] = worker
        return worker

    def _log(self, worker: Worker, line: str) -> None:
        self._write(worker.log_group, worker.log_stream, worker.step, line)

    def _write(self, group: str, stream: str, step: str, line: str) -> None:
        logs.write(group, stream, line)
        if self._verbose:
            sys.stderr.write(f"{step}: {line}\n")
