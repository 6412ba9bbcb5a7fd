"""The hook for rules that AWS documents in prose, and those of Lambda and Step Functions."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.exceptions import ServiceException

from stage.gateway.calls import Call, Reply
from stage.validation import ecs, eventbridge, sns

ENVIRONMENT_LIMIT = 4096  # docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
# docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
RESOURCES_PER_PAGE = 100
# docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
NOT_IN_A_NAME = re.compile(r'[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]')


class DocumentedRules:
    """A hook that refuses calls by rules that no model has. It comes after validation and permissions."""

    def before(self, call: Call) -> Reply | None:
        refuse = REFUSALS.get(call.key)
        if refuse is None:
            return None
        try:
            refuse(call.params)
        except ServiceException as refusal:
            return Reply.refusal(call, refusal.code, refusal.message)
        return None

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def environment(request: Mapping[str, Any]) -> None:
    """Lambda's CreateFunction and UpdateFunctionConfiguration. Raises InvalidParameterValueException."""
    measured = json.dumps((request.get("Environment") or {}).get("Variables") or {}, separators=(",", ":"))
    if len(measured.encode()) > ENVIRONMENT_LIMIT:
        raise ServiceException(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {measured}",
        )


def execution_name(request: Mapping[str, Any]) -> None:
    """Step Functions' StartExecution. Raises InvalidName."""
    name = request.get("name")
    if name and NOT_IN_A_NAME.search(name):
        raise ServiceException("InvalidName", f"Invalid Name: '{name}'")


def page_of_resources(request: Mapping[str, Any]) -> None:
    """The tagging API's GetResources. Raises InvalidParameterException."""
    if not 1 <= request.get("ResourcesPerPage", 1) <= RESOURCES_PER_PAGE:
        words = f"ResourcesPerPage must be between 1 and {RESOURCES_PER_PAGE}."
        raise ServiceException("InvalidParameterException", words)


REFUSALS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], None]] = {
    **ecs.REFUSALS,
    **eventbridge.REFUSALS,
    **sns.REFUSALS,
    ("lambda", "CreateFunction"): environment,
    ("lambda", "UpdateFunctionConfiguration"): environment,
    ("resourcegroupstaggingapi", "GetResources"): page_of_resources,
    ("stepfunctions", "StartExecution"): execution_name,
}
