"""Writes to CloudWatch Logs, as Lambda's and Fargate's log drivers do from outside the functions and containers."""

import threading
import time

from moto.logs.models import logs_backends

from stage.moto.clients import ACCOUNT, REGION

_writing = threading.Lock()  # moto's log streams are not safe for two writers


def write(group: str, stream: str, line: str) -> None:
    """Append one line, now. Group and stream are made where they are missing."""
    backend = logs_backends[ACCOUNT][REGION]
    with _writing:
        backend.ensure_log_group(group)
        backend.ensure_log_stream(group, stream)
        backend.put_log_events(group, stream, [{"timestamp": int(time.time() * 1000), "message": line}])
