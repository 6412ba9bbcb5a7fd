"""The Resource Groups Tagging API's index of EventBridge rules, which moto lacks.

docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html. It lists "tagged or previously
tagged" resources: AWS's index follows changes with a delay, the stage's at once, unless `tag_index_lags` is set.
"""

from collections.abc import Mapping
from typing import Any

from moto.core.exceptions import ServiceException
from moto.events.models import events_backends

from stage.eventbridge.bus import rules
from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION
from stage.settings import Settings

PER_PAGE, MOST_PER_PAGE = 50, 100
MOST_VALUES = 20

Tags = Mapping[str, str]


def tagged() -> dict[str, Tags]:
    """By ARN, the tags of every tagged rule of the default bus."""
    tagger = events_backends[ACCOUNT][REGION].tagger
    found = {rule.arn: tagger.get_tag_dict_for_resource(rule.arn) for rule in list(rules().values())}
    return {arn: tags for arn, tags in found.items() if tags}


def page(index: Mapping[str, Tags], request: Mapping[str, Any]) -> dict[str, Any]:
    """GetResources' answer from `index`. Raises moto's ServiceException."""
    size, after = request.get("ResourcesPerPage", PER_PAGE), request.get("PaginationToken", "")
    filters = {each["Key"]: each.get("Values", []) for each in request.get("TagFilters", [])}
    if "ResourceARNList" in request:
        raise _invalid("ResourceARNList and ResourceTypeFilters cannot both be specified.")
    if not 1 <= size <= MOST_PER_PAGE:
        raise _invalid(f"ResourcesPerPage must be between 1 and {MOST_PER_PAGE}.")
    if any(len(values) > MOST_VALUES for values in filters.values()):
        raise _invalid(f"A TagFilter can have at most {MOST_VALUES} values.")
    if after and after not in index:
        raise ServiceException("PaginationTokenExpiredException", "The PaginationToken has expired.")
    found = [
        {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for arn, tags in sorted(index.items())
        if arn > after
        and all(key in tags and tags[key] in (values or tags.values()) for key, values in filters.items())
    ]
    following = found[size - 1]["ResourceARN"] if len(found) > size else ""
    return {"PaginationToken": following, "ResourceTagMappingList": found[:size]}


class TagIndex:
    """A hook that answers GetResources for rules; moto answers for other resources."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._index: dict[str, Tags] = {}

    def clear(self) -> None:
        """Empty the index, which stays empty while it lags."""
        self._index = {}

    def before(self, call: Call) -> Reply | None:
        """Answer with a page of the rules that match."""
        if call.key != ("resourcegroupstaggingapi", "GetResources"):
            return None
        if call.params.get("ResourceTypeFilters") not in (["events"], ["events:rule"]):
            return None
        if not self._settings.tag_index_lags:
            self._index = tagged()
        try:
            return Reply.result(call, page(self._index, call.params))
        except ServiceException as refusal:
            return Reply.refusal(call, refusal.code, refusal.message)

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def _invalid(message: str) -> ServiceException:
    return ServiceException("InvalidParameterException", message)
