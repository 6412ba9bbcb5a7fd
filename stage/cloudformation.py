"""What CloudFormation in moto drops of our resources, put back.

moto makes the resources of a stack through its own models and takes some of their properties only. Kept here is what
Rota would not run without; alarms and queue policies are not made at all, and of a bucket's lifecycle, a table's
expiry or a state machine's logging nothing is kept.
"""

from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LambdaFunction, LayerVersion
from moto.s3.models import FakeBucket

from stage.patch import replace

Properties = dict[str, Any]


def complete() -> None:
    """Have every function and bucket that a stack makes or changes from now on keep all that is listed here."""
    _then(LambdaFunction, _keep_function)
    _then(FakeBucket, _keep_bucket)


def _keep_function(function: LambdaFunction, properties: Properties) -> None:
    """Its layers and its log group. A Ref to a layer is its ARN, and in moto the layer itself."""
    if "Layers" in properties:
        layers = [layer.arn if isinstance(layer, LayerVersion) else layer for layer in properties["Layers"]]
        function.update_configuration({"Layers": layers})
    if group := properties.get("LoggingConfig", {}).get("LogGroup"):
        function.logs_group_name = group


def _keep_bucket(bucket: FakeBucket, properties: Properties) -> None:
    """Whether it keeps versions."""
    bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status")


def _then(model: Any, keep: Callable[[Any, Properties], None]) -> None:
    """Call `keep` with each resource of a kind once CloudFormation has made or changed it."""
    create, update = model.create_from_cloudformation_json, model.update_from_cloudformation_json

    def create_and_keep(name: str, resource: Properties, account: str, region: str, **identity: str) -> object:
        made = create(name, resource, account, region, **identity)
        keep(made, resource["Properties"])
        return made

    def update_and_keep(
        original_resource: object,
        new_resource_name: str,
        cloudformation_json: Properties,
        account_id: str,
        region_name: str,
    ) -> object:
        changed = update(original_resource, new_resource_name, cloudformation_json, account_id, region_name)
        keep(changed, cloudformation_json["Properties"])
        return changed

    replace(model, "create_from_cloudformation_json", staticmethod(create_and_keep))
    replace(model, "update_from_cloudformation_json", staticmethod(update_and_keep))
