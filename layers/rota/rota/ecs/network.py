"""Subnets and security groups: whether they are there."""

from collections.abc import Iterable
from typing import Any

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
_VALUES_PER_FILTER = 200


def vpcs(ec2: Any, subnets: Iterable[str], security_groups: Iterable[str]) -> dict[str, str]:
    """The VPC of each of these that there is, by its ID."""
    found: dict[str, str] = {}
    for ids in _parts(subnets):
        described = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": ids}])["Subnets"]
        found |= {each["SubnetId"]: each["VpcId"] for each in described}
    for ids in _parts(security_groups):
        groups = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": ids}])["SecurityGroups"]
        found |= {each["GroupId"]: each["VpcId"] for each in groups}
    return found


def _parts(ids: Iterable[str]) -> list[list[str]]:
    """As many at a time as a filter takes: a filter leaves out what is not there, and an ID would be an error."""
    distinct = sorted({*ids})
    return [distinct[at : at + _VALUES_PER_FILTER] for at in range(0, len(distinct), _VALUES_PER_FILTER)]
