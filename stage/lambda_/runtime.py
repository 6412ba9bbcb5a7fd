"""Lambda's Python runtime in small: the program inside one execution environment.

Run as `python -P -u runtime.py <fd>` with nothing in its environment that Lambda would not put there. It reads one
request a line from stdin, writes one reply a line to the file descriptor, and ends when stdin ends; so it cannot
outlive the stage, however that ends, not even in the middle of a handler. It imports nothing of the stage: what a
function can see here is what it would see on AWS.
"""

import gc
import importlib
import json
import logging
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, "Context"], Any]

# Written to stdout after each invocation's output, so that its log is complete before it is answered.
END_OF_LOG = b"\0end\n"


class Context:
    """The handler's second argument; AWS describes it in "Using the Lambda context object" for Python."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.aws_request_id: str = request["request_id"]
        self.invoked_function_arn: str = request["arn"]
        self.identity = None
        self.client_context = None
        self._deadline: float = request["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Time until the function's timeout."""
        return max(0, int((self._deadline - time.time()) * 1000))


def load(handler: str) -> Handler:
    """Find `module.function`, as the function's Handler property names it.

    Raises InitError, with the error type that Lambda answers with.
    """
    module_name, _, function_name = handler.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise InitError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        raise InitError("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}") from error
    found: Handler | None = getattr(module, function_name, None)
    if found is None:
        raise InitError("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return found


class Waits:
    """What the process sleeps, cut short: a sleep takes `scale` of its time, and the monotonic clock takes all of it.

    So code that sleeps and looks at that clock to know when to give up does as often what it does on AWS. The time of
    day is not touched.
    """

    def __init__(self) -> None:
        self.scale = 1.0
        self._skipped = 0.0
        self._lock = threading.Lock()
        self._sleep, self._monotonic = time.sleep, time.monotonic

    def install(self) -> None:
        """Take the place of `time.sleep` and `time.monotonic`."""
        time.sleep, time.monotonic = self.sleep, self.monotonic  # type: ignore[assignment] # time.sleep takes an index too

    def sleep(self, seconds: float) -> None:
        """Sleep a part of it, and skip the rest."""
        end = self.monotonic() + seconds
        self._sleep(seconds * self.scale)
        with self._lock:  # threads that sleep at once skip the same time once
            self._skipped = max(self._skipped, end - self._monotonic())

    def monotonic(self) -> float:
        """Seconds, the skipped ones included."""
        return self._monotonic() + self._skipped


class InitError(Exception):
    """The function could not be loaded; every invocation answers with this."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def invoke(handler: Handler, request: dict[str, Any]) -> dict[str, Any]:
    """Run the handler once; the reply that the stage passes on to Lambda's caller."""
    try:
        result = handler(json.loads(request["event"]), Context(request))
    except Exception as error:  # noqa: BLE001 - an error of the function is an answer
        return failure(request, type(error).__name__, str(error), traceback.extract_tb(error.__traceback__)[1:])
    try:
        return {"payload": json.dumps(result, ensure_ascii=False)}
    except (TypeError, ValueError) as error:
        return failure(request, "Runtime.MarshalError", f"Unable to marshal response: {error}")


def failure(
    request: dict[str, Any], error_type: str, message: str, frames: list[traceback.FrameSummary] | None = None
) -> dict[str, Any]:
    """The payload of a function error; its trace is written to the log too, as Lambda does."""
    trace = traceback.format_list(frames or [])
    sys.stdout.write(f"[ERROR] {error_type}: {message}\n" + ("Traceback (most recent call last):\n" if trace else ""))
    sys.stdout.writelines(trace)
    error = {"errorMessage": message, "errorType": error_type, "requestId": request["request_id"], "stackTrace": trace}
    return {"payload": json.dumps(error, ensure_ascii=False), "error": True}


def requests_from(stream: int) -> "queue.SimpleQueue[dict[str, Any]]":
    """Read requests in a thread of their own, which ends the process at once when the stage is gone."""
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def read() -> None:
        with os.fdopen(stream, "rb") as lines:
            for line in lines:
                waiting.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return waiting


def main() -> None:
    """Load the handler, say that it is loaded, then serve requests one at a time."""
    waiting = requests_from(os.dup(sys.stdin.fileno()))
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    logging.basicConfig(stream=sys.stdout, format="[%(levelname)s]\t%(asctime)s\t%(message)s")
    begun = time.perf_counter()
    waits = Waits()
    waits.install()
    handler: Handler | None = None
    gc.disable()  # what is imported stays; to look through it again and again is a seventh of the time
    try:
        handler = load(os.environ["_HANDLER"])
    except InitError as error:
        fault = (error.error_type, str(error))
    except Exception as error:  # noqa: BLE001 - a module that raises while it is imported
        traceback.print_exc()
        fault = (type(error).__name__, str(error))
    gc.freeze()
    gc.enable()
    with os.fdopen(int(sys.argv[1]), "w", buffering=1) as replies:
        replies.write(json.dumps({"init_ms": (time.perf_counter() - begun) * 1000}) + "\n")
        while True:
            request = waiting.get()
            waits.scale = request["time_scale"]
            reply = invoke(handler, request) if handler else failure(request, *fault)
            sys.stdout.flush()
            sys.stderr.flush()
            os.write(sys.stdout.fileno(), END_OF_LOG)
            replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
