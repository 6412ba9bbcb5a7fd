"""Starts the processes of functions: each as a new Python, or forked from one that has loaded their libraries."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from stage.lambda_ import libraries, runtime

SHARED = ("AWS_EXECUTION_ENV", "LANG", "PATH", "TZ")
"""The variables that a library may read when it is loaded; they are the same for all functions."""


class Process(Protocol):
    """What is used of `subprocess.Popen`."""

    pid: int

    @property
    def stdin(self) -> IO[bytes] | None: ...

    @property
    def stdout(self) -> IO[bytes] | None: ...

    def poll(self) -> int | None:
        """As Popen's: the exit status, negative for a signal; None while it runs."""

    def wait(self) -> int:
        """As Popen's."""


class Start(Protocol):
    """Starts the runtime in a session of its own, so that Ctrl-C reaches the stage only."""

    def __call__(self, directory: Path, environment: Mapping[str, str], answers: int, *, moved: bool) -> Process:
        """`answers` is the file descriptor for its answers, `moved` whether it sees the stage's time."""


def new(directory: Path, environment: Mapping[str, str], answers: int, *, moved: bool) -> Process:
    """Start a Python of its own, as Lambda does: its start takes what it takes there."""
    return subprocess.Popen(
        [sys.executable, "-P", "-u", runtime.__file__, str(answers), *(["moved"] if moved else [])],
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(answers,),
        start_new_session=True,
    )


class Forks:
    """Forks processes from a Python that has loaded AWS's SDK, pydantic and Powertools, and nothing of a function.

    A start takes a fifth of the time. Libraries that a layer brings itself are not used.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._templates: dict[bool, _Template] = {}

    def __call__(self, directory: Path, environment: Mapping[str, str], answers: int, *, moved: bool) -> Process:
        with self._lock:
            if moved not in self._templates:
                shared = {name: environment[name] for name in SHARED if name in environment}
                self._templates[moved] = _Template(shared, moved=moved)
        return self._templates[moved].fork(directory, environment, answers)

    def close(self) -> None:
        """End what processes are forked from."""
        for template in self._templates.values():
            template.close()


class _Template:
    """The process that others are forked from; it ends with the stage."""

    def __init__(self, environment: Mapping[str, str], *, moved: bool) -> None:
        self._lock = threading.Lock()
        self._connection, its_end = socket.socketpair()
        with its_end:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-u", runtime.__file__, str(its_end.fileno()), libraries.__file__),
                    *(["moved"] if moved else []),
                ],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(its_end.fileno(),),
                start_new_session=True,
            )
        self._lines = self._connection.makefile("rb")

    def fork(self, directory: Path, environment: Mapping[str, str], answers: int) -> Process:
        (its_stdin, stdin), (stdout, its_stdout) = os.pipe(), os.pipe()
        request = {"directory": str(directory), "environment": dict(environment)}
        pid = self.ask(request, [its_stdin, its_stdout, answers])
        os.close(its_stdin)
        os.close(its_stdout)
        return _Fork(self, int(pid), os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"))

    def ask(self, request: Mapping[str, Any], descriptors: list[int]) -> Any:
        """Have it fork, or say how a fork has ended."""
        with self._lock:
            socket.send_fds(self._connection, [json.dumps(request).encode() + b"\n"], descriptors)
            return json.loads(self._lines.readline())

    def close(self) -> None:
        self._lines.close()
        self._connection.close()
        self._process.wait()


class _Fork:
    """A forked process, of which the template is the parent."""

    def __init__(self, template: _Template, pid: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self._template = template
        self._lock = threading.Lock()
        self._status: int | None = None

    def poll(self) -> int | None:
        with self._lock:  # it can be asked for once
            if self._status is None:
                self._status = self._template.ask({"ended": self.pid}, [])
        return self._status

    def wait(self) -> int:
        while (status := self.poll()) is None:
            time.sleep(0.002)
        return status
