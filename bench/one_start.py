"""One cold start in this process: import, first client, first call. Its last line on stdout is what each took, as JSON.

It reads on stdin which handler's module to load, the event to call it with, and with which error that ends, if with
any. It runs in Lambda's container too, so it imports nothing of the benchmark.
"""

import importlib
import json
import resource
import sys
import time
from typing import Any


class Context:
    """What is used of Lambda's context object."""

    aws_request_id = "a-cold-start"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def main() -> None:
    request = json.load(sys.stdin)
    begun = time.perf_counter()
    handler: Any = importlib.import_module(request["module"]).handler
    imported = time.perf_counter()
    aws: Any = importlib.import_module(request["clients"])
    make, first_client = aws._client, []

    def timed(*arguments: Any) -> Any:
        started = time.perf_counter()
        client = make(*arguments)
        first_client.append(time.perf_counter() - started)
        return client

    aws._client = timed
    called = time.perf_counter()
    try:
        handler(request["event"], Context())
    except Exception as error:
        if type(error).__name__ != request["ends_with"]:
            raise
    ended = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)
    took = {
        "imports": imported - begun,
        "client": first_client[0],
        "call": ended - called,
        "cpu": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss / 1024,
    }
    sys.stdout.write("\n" + json.dumps(took) + "\n")


if __name__ == "__main__":
    main()
