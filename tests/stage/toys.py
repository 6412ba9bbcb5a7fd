"""Small functions for tests that need one of their own."""

import io
import zipfile

from stage.direct import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/guestbook-task"  # moto lets Lambda have any role that exists


def zipped(source: str) -> bytes:
    """The zip of a function whose `app.py` this is, as Lambda's API takes it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", source)
    return content.getvalue()
