"""AWS's index of tags (the Resource Groups Tagging API): the tags of the app's rules, a hundred a call."""

from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from rota.aws.errors import AWS_ERRORS, translate
from rota.errors import TransientError
from rota.ownership import OWNER_TAG
from rota.schedules.eventbridge_rules.rule import Tags, rule_name

if TYPE_CHECKING:
    from botocore.client import BaseClient

# https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html, the most
_PAGE = 100


def tags_of_rules(tagging: "BaseClient", app: str) -> dict[str, Tags]:
    """The tags of the rules that AWS's index of tags lists as the app's, by name.

    The index lags: a rule that was just tagged may be missing, one that was just untagged or deleted may be listed. It
    saves calls, and lists rules under a former prefix. If AWS does not answer in time, the result is empty, and the
    caller asks each rule.
    """
    try:
        return _index(tagging, app)
    except AWS_ERRORS as error:
        if not isinstance(translate(error), TransientError):
            raise
        Logger(child=True).warning("the index of tags does not answer; each rule is asked for its tags", exc_info=True)
        return {}


def _index(tagging: "BaseClient", app: str) -> dict[str, Tags]:
    pages = tagging.get_paginator("get_resources").paginate(
        ResourceTypeFilters=["events:rule"],
        TagFilters=[{"Key": OWNER_TAG, "Values": [app]}],
        PaginationConfig={"PageSize": _PAGE},
    )
    # The ARN of a rule on another bus holds the bus's name too, which makes a name that no rule can have.
    return {
        rule_name(found["ResourceARN"]): {tag["Key"]: tag["Value"] for tag in found["Tags"]}
        for page in pages
        for found in page["ResourceTagMappingList"]
    }
