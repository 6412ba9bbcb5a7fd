"""What is loaded before functions are forked: libraries that many use, and botocore's models.

It runs as a program, and imports of the stage only what imports nothing of it.
"""

import runpy
from contextlib import suppress
from importlib import import_module
from pathlib import Path

LIBRARIES = ("boto3", "concurrent.futures", "pydantic.json_schema", "pydantic.main", "aws_lambda_powertools.metrics")
SERVICES = ("dynamodb", "ecr", "ecs", "events", "logs", "resourcegroupstaggingapi", "s3", "sns", "stepfunctions")
"""Those whose models are read."""


def load() -> None:
    """Load them; a library that is not installed is left out."""
    for name in LIBRARIES:
        with suppress(ImportError):
            import_module(name)
    with suppress(ImportError):
        from pydantic import create_model  # noqa: PLC0415 - it may be missing

        create_model("Any")  # loads what makes models
    runpy.run_path(str(Path(__file__).parents[1] / "moto/botocore_files.py"))["install"]()
    from botocore.session import Session  # noqa: PLC0415 - as above

    session = Session()
    for service in SERVICES:
        session.create_client(service, "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106 - makes no call


if __name__ == "__main__":
    load()
