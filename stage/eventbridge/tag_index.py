"""The Resource Groups Tagging API's index of EventBridge rules, which moto lacks.

docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html. It lists "tagged or previously
tagged" resources: AWS's index follows changes with a delay, the stage's at once unless a setting says otherwise
(`stage.eventbridge.late_reads`).
"""

from collections.abc import Mapping
from typing import Any

from moto.core.exceptions import ServiceException

from stage.eventbridge.late_reads import LateReads, Tags
from stage.gateway.calls import Call, Reply
from stage.gateway.pages import one_page

MOST_VALUES = 20


def listed(index: Mapping[str, Tags], request: Mapping[str, Any]) -> dict[str, Any]:
    """GetResources' whole answer from `index`. Raises moto's ServiceException."""
    filters = {each["Key"]: each.get("Values", []) for each in request.get("TagFilters", [])}
    if "ResourceARNList" in request:
        raise _invalid("ResourceARNList and ResourceTypeFilters cannot both be specified.")
    if any(len(values) > MOST_VALUES for values in filters.values()):
        raise _invalid(f"A TagFilter can have at most {MOST_VALUES} values.")
    found = [
        {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for arn, tags in sorted(index.items())
        if all(key in tags and tags[key] in (values or tags.values()) for key, values in filters.items())
    ]
    return {"PaginationToken": "", "ResourceTagMappingList": found}


class TagIndex:
    """A hook that answers GetResources for rules; moto answers for other resources."""

    def __init__(self, late: LateReads) -> None:
        self._late = late

    def before(self, call: Call) -> Reply | None:
        """Answer with the rules that match."""
        if call.key != ("resourcegroupstaggingapi", "GetResources"):
            return None
        if call.params.get("ResourceTypeFilters") not in (["events"], ["events:rule"]):
            return None
        try:
            return one_page(call, listed(self._late.tagged(), call.params))
        except ServiceException as refusal:
            return Reply.refusal(call, refusal.code, refusal.message)

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def _invalid(message: str) -> ServiceException:
    return ServiceException("InvalidParameterException", message)
