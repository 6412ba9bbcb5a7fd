"""AWS Lambda's Invoke: runs any deployed function as Lambda would.

Code, layers, environment, timeout and role are read from moto's Lambda at each invocation. Functions run on this
machine's Python instead of Lambda's; `stage.lambda_.packages` explains what that means for layers.
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
from stage.gateway.refusals import throttled
from stage.lambda_.names import FunctionNames
from stage.lambda_.sandbox import Outcome
from stage.lambda_.workers import Worker, Workers
from stage.moto.clients import ACCOUNT, REGION
from stage.settings import Settings

REDACTED = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
PAYLOAD_LIMIT = 6 * 1024 * 1024  # docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, synchronous


class Functions:
    """A hook that answers Lambda's Invoke."""

    def __init__(self, workers: Workers, names: FunctionNames, settings: Settings) -> None:
        self._workers = workers
        self._names = names
        self._settings = settings
        self._closed = False
        self._active: dict[str, str] = {}
        self._changed = threading.Condition()

    def active(self) -> list[dict[str, str]]:
        """The invocations that have not ended, also those whose caller has gone: function (`step`) and request ID."""
        return [{"step": name, "request_id": request_id} for request_id, name in list(self._active.items())]

    def before(self, call: Call) -> Reply | None:
        """Answer Invoke, synchronous or not. Unlike AWS, it does not retry a failed asynchronous invocation."""
        return self._invoke(call) if call.key == ("lambda", "Invoke") else None

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""

    def invoke_in_background(self, name: str, event: bytes) -> None:
        """Run a function, by name or ARN, without waiting for its end, as EventBridge does. One that is switched off,
        by a reserved concurrency of 0, does not run, and the event is dropped.

        Raises moto's UnknownFunctionException.
        """
        function = lambda_backends[ACCOUNT][REGION].get_function(name)
        if function.reserved_concurrency != 0:
            self._run_in_background(function, event, str(uuid.uuid4()))

    def invoke(self, name: str, event: bytes) -> Outcome:
        """Run a function, by its short name, and wait for its end. KeyError when there is no such function."""
        return self._run_when_free(self._names.find(name), event, str(uuid.uuid4()))

    def invoke_and_wait(self, function: LambdaFunction, event: bytes) -> Outcome:
        """Run a function and wait for its end, as what polls a queue for it does. One that is switched off fails."""
        if function.reserved_concurrency == 0:
            return Outcome(
                json.dumps({"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}).encode(), failed=True
            )
        return self._run_when_free(function, event, str(uuid.uuid4()))

    def environment(self, name: str) -> dict[str, str]:
        """The environment variables of a function, by its short name. KeyError as above."""
        return {key: str(value) for key, value in self._names.find(name).environment_vars.items()}

    def close(self) -> None:
        """End every process and start no more."""
        self._closed = True
        self._workers.close()

    def _invoke(self, call: Call) -> Reply:
        if self._closed:
            return Reply.refusal(call, "ServiceException", "The stage is closing.", 500)
        name, qualifier = call.path_params["FunctionName"], call.request.args.get("Qualifier")
        try:
            function = lambda_backends[ACCOUNT][call.region].get_function(name, qualifier)
        except UnknownFunctionException:
            arn = f"arn:aws:lambda:{call.region}:{ACCOUNT}:function:{name.rpartition(':function:')[2]}"
            words = f"Function not found: {arn}:{qualifier or '$LATEST'}"
            return Reply.refusal(call, "ResourceNotFoundException", words, 404, Type="User")
        if function.reserved_concurrency == 0:
            return throttled(call, "ReservedFunctionConcurrentInvocationLimitExceeded")
        event, request_id = call.request.get_data(), str(uuid.uuid4())
        if len(event) > PAYLOAD_LIMIT:
            message = f"{len(event)} byte payload is too large for the Invoke operation (limit {PAYLOAD_LIMIT} bytes)"
            return Reply.refusal(call, "RequestTooLargeException", message, 413)
        if problem := _not_json(event):
            return Reply.refusal(call, "InvalidRequestContentException", problem, Type="User")
        reply = Reply(200, headers=Headers({"x-amzn-RequestId": request_id}))
        match call.request.headers.get("X-Amz-Invocation-Type", "RequestResponse"):
            case "DryRun":
                reply.status = 204
            case "Event":
                reply.status = 202
                self._run_in_background(function, event, request_id)
            case _:
                reply = self._run_if_free(call, reply, function, event)
        return reply

    def _run_if_free(self, call: Call, reply: Reply, function: LambdaFunction, event: bytes) -> Reply:
        """The reply to who waits for the function's end."""
        request_id = reply.headers["x-amzn-RequestId"]
        with self._changed:
            if not self._is_free():
                return throttled(call, "ConcurrentInvocationLimitExceeded")
            self._active[request_id] = self._names.of(function)
        outcome = self._run(function, event, request_id)
        reply.body = outcome.payload
        reply.headers.update({"Content-Type": "application/json", "X-Amz-Executed-Version": function.version})
        if outcome.failed:
            reply.headers["X-Amz-Function-Error"] = "Unhandled"
        return reply

    def _is_free(self) -> bool:
        """Whether the account may run one more function."""
        return self._settings.concurrency is None or len(self._active) < self._settings.concurrency

    def _run_in_background(self, function: LambdaFunction, event: bytes, request_id: str) -> None:
        run = self._run_when_free
        with self._changed:
            if self._is_free():
                self._active[request_id] = self._names.of(function)  # before the caller learns that it began
                run = self._run
        threading.Thread(target=run, args=(function, event, request_id), daemon=True).start()

    def _run_when_free(self, function: LambdaFunction, event: bytes, request_id: str) -> Outcome:
        with self._changed:
            self._changed.wait_for(self._is_free)
            self._active[request_id] = self._names.of(function)
        return self._run(function, event, request_id)

    def _run(self, function: LambdaFunction, event: bytes, request_id: str) -> Outcome:
        """Run a function that is among the active ones."""
        try:
            return self._carry_out(function, event, request_id)
        finally:
            with self._changed:
                del self._active[request_id]
                self._changed.notify_all()

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


def _not_json(payload: bytes) -> str | None:
    """Why Lambda refuses a payload; None for JSON. An empty one is an empty event."""
    try:
        json.loads(payload or b"{}")
    except UnicodeDecodeError as problem:
        byte, column = payload[problem.start], problem.start + 2
        words = f"Invalid UTF-8 start byte 0x{byte:x}\n at [Source: {REDACTED}; line: 1, column: {column}]"
        return f"Could not parse request body into json: Could not parse payload into json: {words}"
    except ValueError as problem:
        return f"Could not parse request body into json: Could not parse payload into json: {problem}"
    return None


def _report(worker: Worker, request_id: str, memory: int, duration_ms: float, init_ms: float) -> None:
    """Write the line with which Lambda ends an invocation in the log; only a cold one has an Init Duration."""
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(duration_ms)} ms",
        f"Memory Size: {memory} MB",
        *([f"Init Duration: {init_ms:.2f} ms"] if init_ms else []),
    ]
    worker.log("\t".join(fields))
