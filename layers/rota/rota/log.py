"""The log of the functions, in which no line has a secret that an error quotes."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter


class _Formatter(LambdaPowertoolsFormatter):
    """Powertools' lines, with tracebacks masked as messages are."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  the name is logging's
        from rota.sanitise import mask  # noqa: PLC0415  here, because most invocations log no error

        return mask(super().formatException(ei))


# What a traceback has also as structure is not masked, and says the same.
logger = Logger(logger_formatter=_Formatter(serialize_stacktrace=False))
"""The only one: a second one of the same service would be this one, whatever it is made with."""
