"""AWS Lambda: runs what was deployed, whoever deployed it, as Lambda would.

Code, layers, environment, timeout and role come from moto's Lambda at each invocation. On AWS, functions run on
Lambda's machines and its Python; here on this machine's (`stage.lambda_.packages` says what that means for layers).
"""

import json
import math
import threading
import time
import uuid

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction, lambda_backends
from werkzeug.datastructures import Headers

from stage.gateway.calls import Call, Reply
from stage.lambda_.sandbox import Outcome
from stage.lambda_.workers import Worker, Workers, step_name
from stage.moto.clients import ACCOUNT, REGION
from stage.settings import Settings

PAYLOAD_LIMIT = 6 * 1024 * 1024  # docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, synchronous


class Functions:
    """Answers Lambda's Invoke; a hook of the front door (see `stage.gateway.calls.Hook`)."""

    def __init__(self, workers: Workers, settings: Settings) -> None:
        self._workers = workers
        self._settings = settings
        self._closed = False
        self._under_way: dict[str, str] = {}

    def under_way(self) -> list[dict[str, str]]:
        """The invocations that have not ended, also those that nobody waits for: step and request id."""
        return [{"step": step, "request_id": request_id} for request_id, step in list(self._under_way.items())]

    def before(self, call: Call) -> Reply | None:
        """Invoke, synchronous or not. Unlike on AWS, an asynchronous one that fails is not tried again."""
        return self._invoke(call) if call.key == ("lambda", "Invoke") else None

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""

    def invoke_in_background(self, name: str, event: bytes) -> None:
        """Run a function, by name or ARN, without waiting for it: for AWS's own services, such as EventBridge.

        Raises moto's UnknownFunctionException.
        """
        self._run_in_background(lambda_backends[ACCOUNT][REGION].get_function(name), event, str(uuid.uuid4()))

    def invoke(self, step: str, event: bytes) -> Outcome:
        """Run the function of a step and wait for it. KeyError when no function of that step is deployed."""
        return self._run(_function_of(step), event, str(uuid.uuid4()))

    def environment(self, step: str) -> dict[str, str]:
        """The variables that the template gives the function of a step. KeyError as above."""
        return {name: str(value) for name, value in _function_of(step).environment_vars.items()}

    def close(self) -> None:
        """End every process, and start no more."""
        self._closed = True
        self._workers.close()

    def _invoke(self, call: Call) -> Reply:
        if self._closed:
            return Reply.refusal(call, "ServiceException", "The stage is closing.", 500)
        name, qualifier = call.path_params["FunctionName"], call.request.args.get("Qualifier")
        try:
            function = lambda_backends[ACCOUNT][call.region].get_function(name, qualifier)
        except UnknownFunctionException as unknown:
            return Reply.refusal(call, "ResourceNotFoundException", str(unknown.message), 404)
        event, request_id = call.request.get_data(), str(uuid.uuid4())
        if len(event) > PAYLOAD_LIMIT:
            message = f"{len(event)} byte payload is too large for the Invoke operation (limit {PAYLOAD_LIMIT} bytes)"
            return Reply.refusal(call, "RequestTooLargeException", message, 413)
        reply = Reply(200, headers=Headers({"x-amzn-RequestId": request_id}))
        match call.request.headers.get("X-Amz-Invocation-Type", "RequestResponse"):
            case "DryRun":
                reply.status = 204
            case "Event":
                reply.status = 202
                self._run_in_background(function, event, request_id)
            case _:
                outcome = self._run(function, event, request_id)
                reply.body = outcome.payload
                reply.headers.update({"Content-Type": "application/json", "X-Amz-Executed-Version": function.version})
                if outcome.failed:
                    reply.headers["X-Amz-Function-Error"] = "Unhandled"
        return reply

    def _run_in_background(self, function: LambdaFunction, event: bytes, request_id: str) -> None:
        self._under_way[request_id] = step_name(function)  # before the caller hears that it was begun
        threading.Thread(target=self._run, args=(function, event, request_id), daemon=True).start()

    def _run(self, function: LambdaFunction, event: bytes, request_id: str) -> Outcome:
        self._under_way[request_id] = step_name(function)
        try:
            return self._carry_out(function, event, request_id)
        finally:
            del self._under_way[request_id]

    def _carry_out(self, function: LambdaFunction, event: bytes, request_id: str) -> Outcome:
        worker = self._workers.take(function)
        cold, begun = worker.cold, time.perf_counter()
        outcome = worker.invoke(event, request_id, self._settings.time_scale)
        init_ms = (worker.sandbox.init_ms or 0.0) if cold else 0.0
        _report(worker, request_id, function.memory_size, (time.perf_counter() - begun) * 1000 - init_ms, init_ms)
        self._workers.give_back(function, worker)
        if len(outcome.payload) > PAYLOAD_LIMIT:
            message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
            error = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
            return Outcome(json.dumps(error).encode(), failed=True)
        return outcome


def _function_of(step: str) -> LambdaFunction:
    return {step_name(each): each for each in lambda_backends[ACCOUNT][REGION].list_functions()}[step]


def _report(worker: Worker, request_id: str, memory: int, duration_ms: float, init_ms: float) -> None:
    """The line with which Lambda ends an invocation in the log; only a cold one tells of an initialization."""
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(duration_ms)} ms",
        f"Memory Size: {memory} MB",
        *([f"Init Duration: {init_ms:.2f} ms"] if init_ms else []),
    ]
    worker.log("\t".join(fields))
