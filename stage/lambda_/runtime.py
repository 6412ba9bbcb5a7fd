"""A small Python runtime for Lambda: the program inside one execution environment.

It runs as `python -P -u runtime.py <fd> [moved]`, with only the environment that Lambda would set; `moved` where the
stage's clock is not the real one. It reads one request per line from stdin, writes one reply per line to the file
descriptor, and exits when stdin ends, also in the middle of a handler: so it cannot outlive the stage. It imports
nothing of the stage, so that a function sees what it sees on AWS.

As `python -P -u runtime.py <socket> <program> [moved]` it runs a program, which loads what functions need, and then
forks such processes.
"""

import datetime
import gc
import importlib
import json
import logging
import os
import queue
import runpy
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, "Context"], Any]
REAL_TIME = time.time
RealDatetime = datetime.datetime

# Written to stdout after each invocation's output, so that the log is complete before the reply.
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
        return max(0, int((self._deadline - REAL_TIME()) * 1000))


def load(handler: str) -> Handler:
    """Load `module.function`, the function's Handler property.

    Raises InitError with Lambda's error type.
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
    """Shortens sleeps: a sleep takes `scale` of its time, and the monotonic clock advances by all of it.

    So code that sleeps until a deadline of that clock repeats as often as on AWS. The time of day does not change.
    """

    def __init__(self) -> None:
        self.scale = 1.0
        self._skipped = 0.0
        self._lock = threading.Lock()
        self._sleep, self._monotonic = time.sleep, time.monotonic

    def install(self) -> None:
        """Replace `time.sleep` and `time.monotonic`."""
        time.sleep, time.monotonic = self.sleep, self.monotonic  # type: ignore[assignment] # time.sleep takes an index too

    def sleep(self, seconds: float) -> None:
        """Sleep a part of the time and skip the rest."""
        end = self.monotonic() + seconds
        self._sleep(seconds * self.scale)
        with self._lock:  # threads that sleep at the same time skip it once
            self._skipped = max(self._skipped, end - self._monotonic())

    def monotonic(self) -> float:
        """Seconds, including the skipped ones."""
        return self._monotonic() + self._skipped


class OfReal(type):
    """Real times are instances of the class that stands for `datetime.datetime`."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, RealDatetime)


class MovedDatetime(RealDatetime, metaclass=OfReal):
    """`datetime.datetime` with the stage's time. What it makes are real ones."""

    offset = datetime.timedelta()
    """By how much the stage's clock differs from the real time."""

    def __new__(cls, *args: Any, **more: Any) -> Any:
        return RealDatetime(*args, **more)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return RealDatetime.now(tz) + cls.offset

    @classmethod
    def utcnow(cls) -> Any:
        return RealDatetime.now(datetime.UTC).replace(tzinfo=None) + cls.offset


def see_the_stages_time() -> None:
    """Replace `time.time` and `datetime.datetime`, before the function is loaded."""
    time.time = lambda: REAL_TIME() + MovedDatetime.offset.total_seconds()
    datetime.datetime = MovedDatetime  # type: ignore[misc] # what it makes are real ones


class InitError(Exception):
    """The function could not be loaded; every invocation returns this error."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def invoke(handler: Handler, request: dict[str, Any]) -> dict[str, Any]:
    """Run the handler once. Returns the reply for Lambda's caller."""
    try:
        result = handler(json.loads(request["event"]), Context(request))
    except Exception as error:  # noqa: BLE001 - an error of the function is a reply
        return failure(request, type(error).__name__, str(error), traceback.extract_tb(error.__traceback__)[1:])
    try:
        return {"payload": json.dumps(result, ensure_ascii=False)}
    except (TypeError, ValueError) as error:
        return failure(request, "Runtime.MarshalError", f"Unable to marshal response: {error}")


def failure(
    request: dict[str, Any], error_type: str, message: str, frames: list[traceback.FrameSummary] | None = None
) -> dict[str, Any]:
    """The payload of a function error, whose stack trace is also written to the log, as by Lambda."""
    trace = traceback.format_list(frames or [])
    sys.stdout.write(f"[ERROR] {error_type}: {message}\n" + ("Traceback (most recent call last):\n" if trace else ""))
    sys.stdout.writelines(trace)
    error = {"errorMessage": message, "errorType": error_type, "requestId": request["request_id"], "stackTrace": trace}
    return {"payload": json.dumps(error, ensure_ascii=False), "error": True}


def requests_from(stream: int) -> "queue.SimpleQueue[dict[str, Any]]":
    """Read requests in a thread of its own, which exits the process at once when the stage is gone."""
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def read() -> None:
        with os.fdopen(stream, "rb") as lines:
            for line in lines:
                waiting.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return waiting


def fork_at_each_request(connection: socket.socket) -> int:
    """Fork for each request that comes with an environment. Other requests ask how a process has ended.

    Returns in a new process only: the file descriptor for its replies.
    """
    while True:
        line, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 3)
        while line and not line.endswith(b"\n"):
            line += connection.recv(1 << 16)
        if not line:
            os._exit(0)  # the stage is gone
        request = json.loads(line)
        answer = exit_status(request["ended"]) if "ended" in request else os.fork()
        if answer == 0 and descriptors:
            connection.close()
            return become(request["directory"], request["environment"], *descriptors)
        for each in descriptors:
            os.close(each)
        connection.sendall(json.dumps(answer).encode() + b"\n")


def exit_status(pid: int) -> int | None:
    """How a forked process has ended, as `subprocess` says it; None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def become(directory: str, environment: dict[str, str], stdin: int, stdout: int, replies: int) -> int:
    """Make a forked process like one that was started with these. Returns the file descriptor for its replies."""
    os.setsid()
    os.chdir(directory)
    for inherited, own in ((stdin, 0), (stdout, 1), (stdout, 2)):
        os.dup2(inherited, own)
    os.close(stdin)
    os.close(stdout)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
    return replies


def main() -> None:
    """Serve one function, in this process or in those that are forked from it."""
    waits = Waits()
    waits.install()
    if "moved" in sys.argv:
        see_the_stages_time()
    gc.disable()  # imported objects stay, and collecting them takes a seventh of the time
    descriptor, *program = sys.argv[1:]
    replies = int(descriptor)
    if program[:1] not in ([], ["moved"]):
        runpy.run_path(program[0], run_name="__main__")
        gc.freeze()
        replies = fork_at_each_request(socket.socket(fileno=replies))
    serve(waits, replies)


def serve(waits: Waits, descriptor: int) -> None:
    """Load the handler, report the time it took, then serve requests one at a time."""
    waiting = requests_from(os.dup(sys.stdin.fileno()))
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    logging.basicConfig(stream=sys.stdout, format="[%(levelname)s]\t%(asctime)s\t%(message)s")
    begun = time.perf_counter()
    handler: Handler | None = None
    try:
        handler = load(os.environ["_HANDLER"])
    except InitError as error:
        fault = (error.error_type, str(error))
    except Exception as error:  # noqa: BLE001 - the module raises when it is imported
        traceback.print_exc()
        fault = (type(error).__name__, str(error))
    gc.freeze()
    gc.enable()
    with os.fdopen(descriptor, "w", buffering=1) as replies:
        replies.write(json.dumps({"init_ms": (time.perf_counter() - begun) * 1000}) + "\n")
        while True:
            request = waiting.get()
            waits.scale = request["time_scale"]
            MovedDatetime.offset = datetime.timedelta(seconds=request["clock"])
            reply = invoke(handler, request) if handler else failure(request, *fault)
            sys.stdout.flush()
            sys.stderr.flush()
            os.write(sys.stdout.fileno(), END_OF_LOG)
            replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
