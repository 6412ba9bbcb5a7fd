"""Writes to CloudWatch Logs, as the log drivers of Lambda and Fargate do from outside a function or a container."""

import threading

from moto.logs.models import logs_backends

from stage import clock
from stage.moto.clients import ACCOUNT, REGION

_writing = threading.Lock()  # moto's log streams are not safe for two writers


def append(group: str, stream: str, line: str) -> None:
    """Write one line to a log stream, with the current time. Creates the group and the stream if they are missing."""
    backend = logs_backends[ACCOUNT][REGION]
    with _writing:
        backend.ensure_log_group(group)
        backend.ensure_log_stream(group, stream)
        backend.put_log_events(group, stream, [{"timestamp": int(clock.time() * 1000), "message": line}])
