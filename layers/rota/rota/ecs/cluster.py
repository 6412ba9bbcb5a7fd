"""The cluster: what tasks can run on."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient


def capacity_providers(ecs: "ECSClient", cluster: str) -> tuple[str, ...]:
    """The names of the capacity providers that the cluster has; none if there is no such cluster."""
    found = ecs.describe_clusters(clusters=[cluster])["clusters"]
    return tuple(name for each in found for name in each.get("capacityProviders", []))
