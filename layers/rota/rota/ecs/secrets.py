"""The secrets that tasks name: whether they are there. Their values are never read."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rota.aws.parallel import in_parallel

if TYPE_CHECKING:
    from rota.schedule_file.task import Container

_PARTS_OF_A_SECRET = 7


def arn_of(name: str, cluster_arn: str) -> str:
    """The ARN that `valueFrom` means: of a parameter's name that in the cluster's account and Region, of a secret
    without the key, stage and version that may follow. Pure.
    """
    if name.startswith("/"):
        return f"{cluster_arn.partition(':cluster/')[0].replace(':ecs:', ':ssm:')}:parameter{name}"
    return ":".join(name.split(":")[:_PARTS_OF_A_SECRET])


def arns_of(task: "Container", cluster_arn: str) -> dict[str, str]:
    """The ARN of each secret that the task names, by its variable. Pure."""
    return {variable: arn_of(name, cluster_arn) for variable, name in (task.secrets or {}).items()}


def is_allowed(arn: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern of SecretsAllowed takes the ARN, as IAM would: * for any characters, ? for one. Pure."""
    expressions = (re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in patterns)
    return any(re.fullmatch(each, arn) for each in expressions)


def missing(manager: Any, ssm: Any, arns: Iterable[str]) -> set[str]:
    """Those that are not there, or are about to be deleted. `manager` and `ssm` are clients of the Region of all."""

    def is_missing(arn: str) -> bool:
        try:
            if ":secretsmanager:" in arn:
                return "DeletedDate" in manager.describe_secret(SecretId=arn)
        except manager.exceptions.ResourceNotFoundException:
            return True
        path = arn.partition(":parameter")[2]
        # The ARNs of /name and name are the same.
        return not any(map(is_parameter, [path] if path.count("/") > 1 else [path, path[1:]]))

    def is_parameter(name: str) -> bool:
        try:
            # Unlike DescribeParameters this can be allowed for single parameters.
            ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)
        except ssm.exceptions.InvalidResourceId:
            return False
        return True

    asked = sorted({*arns})
    return {arn for arn, gone in zip(asked, in_parallel(is_missing, asked), strict=True) if gone}
