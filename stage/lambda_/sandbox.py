"""One execution environment of one Lambda function: a process that serves invocations one at a time."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from stage.lambda_ import runtime

# Lambda gives a function this long to load before it counts the time as the invocation's own.
INIT_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended: the payload that Lambda answers with, and whether it is a function error."""

    payload: bytes
    failed: bool = False


class Sandbox:
    """A started runtime. It is cold until its first invocation ends and then stays for the next.

    `environment` is everything that the process finds in its environment. `log` is given each line that the process
    writes, without its end, from a thread of the sandbox.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], log: Callable[[str], None]) -> None:
        answers, its_end = os.pipe()
        self._answers: IO[str] = os.fdopen(answers, encoding="utf-8")
        self._poll = select.poll()
        self._poll.register(answers, select.POLLIN)
        self._log = log
        self._logged = threading.Semaphore(0)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-u", runtime.__file__, str(its_end)],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(its_end,),
            start_new_session=True,  # Ctrl-C in the stage's terminal is for the stage alone
        )
        os.close(its_end)
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        self.init_ms: float | None = None
        """How long the handler's module took to load; None until it has."""

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def invoke(self, event: bytes, arn: str, request_id: str, timeout: float, time_scale: float = 1) -> Outcome:
        """Run the handler with the event. A function that takes longer than `timeout` seconds is killed, as on AWS.

        `time_scale` multiplies what the handler sleeps (see `stage.lambda_.runtime.Waits`).
        """
        try:
            if self.init_ms is None:
                self.init_ms = float(self._answer(INIT_SECONDS + timeout)["init_ms"])
            request = {"event": event.decode() or "{}", "arn": arn, "request_id": request_id}
            self._send({**request, "deadline": time.time() + timeout, "time_scale": time_scale})
            answer = self._answer(timeout)
        except TimeoutError:
            self.kill()
            return self._fault("Sandbox.Timedout", request_id, f"Task timed out after {timeout:.2f} seconds")
        except (EOFError, BrokenPipeError):
            return self._fault("Runtime.ExitError", request_id, self._exit())
        self._logged.acquire(timeout=1)  # in vain where a function has closed its own stdout
        return Outcome(answer["payload"].encode(), bool(answer.get("error")))

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def _answer(self, timeout: float) -> dict[str, Any]:
        """The next line from the runtime. TimeoutError when none comes, EOFError when none can come any more."""
        if not self._poll.poll(timeout * 1000):
            raise TimeoutError
        line = self._answers.readline()
        if not line.endswith("\n"):
            raise EOFError
        return cast(dict[str, Any], json.loads(line))

    def kill(self) -> None:
        """End the process at once, and what it has started."""
        with suppress(ProcessLookupError):
            if self.alive:
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process, once its last line is in the log, and free what belongs to it."""
        self.kill()
        self._process.wait()
        self._reader.join(timeout=1)  # in vain where a process of a function's own has outlived it
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
            text = line.removesuffix(runtime.END_OF_LOG)  # which may stand behind a line that was left without an end
            if text:
                self._log(text.decode(errors="replace").rstrip("\n"))
            if text != line:
                self._logged.release()
        self._logged.release()
