"""What CloudFormation in moto drops of our resources, put back.

moto makes the resources of a stack through its own models and takes some of their properties only. Kept here is what
Rota would not run without; alarms and queue policies are not made at all, and of a bucket's lifecycle, a table's
expiry or a state machine's logging nothing is kept.
"""

from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LambdaFunction, LayerVersion
from moto.cloudformation.models import ChangeSet
from moto.cloudformation.parsing import ResourceMap
from moto.s3.models import FakeBucket

from stage.moto.patch import replace

Properties = dict[str, Any]


def install() -> None:
    """Have every function and bucket that a stack makes or changes from now on keep all that is listed here."""
    then(LambdaFunction, _keep_function)
    then(FakeBucket, _keep_bucket)
    _carry_out_change_sets()
    _retain_except_on_create()


def _carry_out_change_sets() -> None:
    """A stack that a change set made or changed has its template, parameters and outputs; in moto, resources only."""
    apply = ChangeSet.apply

    def carry_out(self: ChangeSet) -> None:
        apply(self)
        self.stack.template_dict, self.stack.parameters = self.template_dict, self.parameters
        self.stack.description = self.template_dict.get("Description")
        self.stack.output_map = self.stack._create_output_map()

    replace(ChangeSet, "apply", carry_out)


def _retain_except_on_create() -> None:
    """A stack that is deleted leaves what is RetainExceptOnCreate; moto knows Retain only."""
    delete = ResourceMap.delete

    def delete_the_rest(self: ResourceMap) -> None:
        for resource in self._resource_json_map.values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"
        delete(self)

    replace(ResourceMap, "delete", delete_the_rest)


def _keep_function(function: LambdaFunction, properties: Properties) -> None:
    """Its layers and its log group."""
    if "Layers" in properties:
        function.update_configuration({"Layers": properties["Layers"]})
    if group := properties.get("LoggingConfig", {}).get("LogGroup"):
        function.logs_group_name = group


def _keep_bucket(bucket: FakeBucket, properties: Properties) -> None:
    """Whether it keeps versions."""
    bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status")


def then(model: Any, keep: Callable[[Any, Properties], None]) -> None:
    """Call `keep` with each resource of a kind once CloudFormation has made or changed it."""
    create, update = model.create_from_cloudformation_json, model.update_from_cloudformation_json

    def create_and_keep(name: str, resource: Properties, account: str, region: str, **identity: str) -> object:
        made = create(name, resource, account, region, **identity)
        keep(made, _with_arns(resource["Properties"]))
        return made

    def update_and_keep(
        original_resource: object,
        new_resource_name: str,
        cloudformation_json: Properties,
        account_id: str,
        region_name: str,
    ) -> object:
        properties = _with_arns(cloudformation_json["Properties"])
        resource = {**cloudformation_json, "Properties": properties}
        changed = update(original_resource, new_resource_name, resource, account_id, region_name)
        keep(changed, properties)
        return changed

    replace(model, "create_from_cloudformation_json", staticmethod(create_and_keep))
    replace(model, "update_from_cloudformation_json", staticmethod(update_and_keep))


def _with_arns(properties: Properties) -> Properties:
    """A Ref to a layer is its ARN, and in moto the layer itself."""
    layers = properties.get("Layers", [])
    arns = [layer.arn if isinstance(layer, LayerVersion) else layer for layer in layers]
    return {**properties, "Layers": arns} if layers else properties
