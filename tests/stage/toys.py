"""What tests make for themselves: a function of their own, a request that no AWS client sends."""

import http.client
import io
import json
import zipfile

from stage.direct import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/guestbook-task"  # moto lets Lambda have any role that exists


def zipped(source: str) -> bytes:
    """The zip of a function whose `app.py` this is, as Lambda's API takes it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", source)
    return content.getvalue()


def ask(endpoint: str, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    """The status, and what is said where the request is refused."""
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=30)
    connection.request(method, path, body)
    response = connection.getresponse()
    answer = json.loads(response.read() or b"{}")
    connection.close()
    return response.status, answer.get("error", "")
