"""One execution environment of one Lambda function: a process that serves invocations one at a time."""

import json
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from stage import clock
from stage.lambda_ import processes, runtime
from stage.lambda_.processes import Start

# The time to load a function before Lambda counts it as part of the invocation.
INIT_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """The payload that Lambda answers with, and whether it is a function error."""

    payload: bytes
    failed: bool = False


class Sandbox:
    """A process with the runtime. It is cold until its first invocation ends, and then serves further ones.

    `environment` is the whole environment of the process. `log` gets each line that the process writes, without the
    line break, in a thread of the sandbox.
    """

    def __init__(
        self, directory: Path, environment: Mapping[str, str], log: Callable[[str], None], start: Start = processes.new
    ) -> None:
        self.sees_clock = clock.was_moved()
        """Whether the function sees the stage's time; else it sees the real one."""
        answers, its_end = os.pipe()
        self._answers: IO[str] = os.fdopen(answers, encoding="utf-8")
        self._poll = select.poll()
        self._poll.register(answers, select.POLLIN)
        self._log = log
        self._logged = threading.Semaphore(0)
        self._process = start(directory, environment, its_end, moved=self.sees_clock)
        os.close(its_end)
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        self.init_ms: float | None = None
        """The time that the handler's module took to load; None before."""

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def invoke(self, event: bytes, arn: str, request_id: str, timeout: float, time_scale: float = 1) -> Outcome:
        """Run the handler with the event. After `timeout` seconds the function is killed, as on AWS.

        `time_scale` is the factor for what the handler sleeps (see `stage.lambda_.runtime.Waits`).
        """
        try:
            if self.init_ms is None:
                self.init_ms = float(self._answer(INIT_SECONDS + timeout)["init_ms"])
            request = {"event": event.decode() or "{}", "arn": arn, "request_id": request_id}
            self._send(
                {**request, "deadline": time.time() + timeout, "time_scale": time_scale, "clock": clock.offset()}
            )
            answer = self._answer(timeout)
        except TimeoutError:
            self.kill()
            return self._fault("Sandbox.Timedout", request_id, f"Task timed out after {timeout:.2f} seconds")
        except (EOFError, BrokenPipeError):
            return self._fault("Runtime.ExitError", request_id, self._exit())
        self._logged.acquire(timeout=1)  # times out if the function has closed its stdout
        return Outcome(answer["payload"].encode(), bool(answer.get("error")))

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def _answer(self, timeout: float) -> dict[str, Any]:
        """The runtime's next line. Raises TimeoutError when none comes, EOFError when the process has ended."""
        if not self._poll.poll(timeout * 1000):
            raise TimeoutError
        line = self._answers.readline()
        if not line.endswith("\n"):
            raise EOFError
        return cast(dict[str, Any], json.loads(line))

    def kill(self) -> None:
        """Kill the process and its children at once."""
        with suppress(ProcessLookupError):
            if self.alive:
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill the process, log its last lines, and release its resources."""
        self.kill()
        self._process.wait()
        self._reader.join(timeout=1)  # times out if a child of the function outlives it
        self._answers.close()

    def _exit(self) -> str:
        status = self._process.wait()
        if status < 0:
            return f"Runtime exited with error: signal: {(signal.strsignal(-status) or str(-status)).lower()}"
        return (
            f"Runtime exited with error: exit status {status}"
            if status
            else "Runtime exited without providing a reason"
        )

    def _fault(self, error_type: str, request_id: str, message: str) -> Outcome:
        text = f"RequestId: {request_id} Error: {message}"
        self._log(text)
        return Outcome(json.dumps({"errorType": error_type, "errorMessage": text}).encode(), failed=True)

    def _read_output(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        for line in self._process.stdout:
            text = line.removesuffix(runtime.END_OF_LOG)  # also at the end of an unfinished line
            if text:
                self._log(text.decode(errors="replace").rstrip("\n"))
            if text != line:
                self._logged.release()
        self._logged.release()
