"""AWS's index of tags, as the Resource Groups Tagging API tells of it: whose the rules are, a hundred a call."""

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
    """By name, the tags of the rules that AWS's index of tags lists as the app's: one call for a hundred of them.

    The index follows changes in its own time. A rule that has just been tagged is not in it yet; one that has just
    been untagged, or is gone, may be in it still. It saves calls, and tells of rules under a former prefix; where AWS
    does not answer in time, nothing is listed, and each rule is asked itself.
    """
    try:
        return _index(tagging, app)
    except AWS_ERRORS as error:
        if not isinstance(translate(error), TransientError):
            raise
        Logger(child=True).warning("the index of tags does not answer; each rule is asked for its own", exc_info=True)
        return {}


def _index(tagging: "BaseClient", app: str) -> dict[str, Tags]:
    pages = tagging.get_paginator("get_resources").paginate(
        ResourceTypeFilters=["events:rule"],
        TagFilters=[{"Key": OWNER_TAG, "Values": [app]}],
        PaginationConfig={"PageSize": _PAGE},
    )
    # What follows the bus's name in the ARN of another bus's rule is no name that a rule can have.
    return {
        rule_name(found["ResourceARN"]): {tag["Key"]: tag["Value"] for tag in found["Tags"]}
        for page in pages
        for found in page["ResourceTagMappingList"]
    }
