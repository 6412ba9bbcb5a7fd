"""Properties of a stack's resources that moto's CloudFormation drops.

moto creates resources through its own models and uses only some of their properties. Added here are the layers, log
groups and removed environments of functions, the versioning of buckets and the expiry of tables. moto creates no alarms
and no queue policies, and ignores a bucket's lifecycle and a state machine's logging.
"""

import json
from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LambdaFunction, LayerVersion
from moto.cloudformation.models import ChangeSet, Stack
from moto.cloudformation.parsing import ResourceMap
from moto.dynamodb.models.table import Table
from moto.s3.models import FakeBucket

from stage.dynamodb.expiry import keep_expiry
from stage.moto.patch import replace

Properties = dict[str, Any]


def install() -> None:
    """Have all functions and buckets that a stack creates or updates keep these properties."""
    then(LambdaFunction, _keep_function)
    then(FakeBucket, _keep_bucket)
    then(Table, keep_expiry)
    _read_json_first()
    _carry_out_change_sets()
    _retain_except_on_create()
    _show_lists_as_text()


def _read_json_first() -> None:
    """Read templates as JSON, which they are here: as YAML, moto takes a second or more for each."""
    parse = Stack.parse_template

    def read(template: str) -> dict[str, Any]:
        try:
            parsed: dict[str, Any] = json.loads(template)
        except ValueError:
            return parse(template)
        return parsed

    def read_own(self: ChangeSet) -> None:
        self.template_dict = read(self.template)

    replace(Stack, "parse_template", staticmethod(read))
    replace(ChangeSet, "_parse_template", read_own)


def _carry_out_change_sets() -> None:
    """A change set also sets the stack's template, parameters and outputs; moto's changes only its resources."""
    apply = ChangeSet.apply

    def carry_out(self: ChangeSet) -> None:
        apply(self)
        self.stack.template = self.template
        self.stack.template_dict, self.stack.parameters = self.template_dict, self.parameters
        self.stack.description = self.template_dict.get("Description")
        self.stack.output_map = self.stack._create_output_map()

    replace(ChangeSet, "apply", carry_out)


def _retain_except_on_create() -> None:
    """A deleted stack retains what is RetainExceptOnCreate; moto supports only Retain."""
    delete = ResourceMap.delete

    def delete_the_rest(self: ResourceMap) -> None:
        for resource in self._resource_json_map.values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"
        delete(self)

    replace(ResourceMap, "delete", delete_the_rest)


def _show_lists_as_text() -> None:
    """DescribeStacks shows a list parameter as it was given, `a,b`; moto shows Python's list."""
    listed: Callable[[Stack], list[dict[str, Any]]] = vars(Stack)["parameter_list"].fget

    def as_text(self: Stack) -> list[dict[str, Any]]:
        return [
            {
                **each,
                "ParameterValue": ",".join(map(str, value))
                if isinstance(value := each["ParameterValue"], list)
                else value,
            }
            for each in listed(self)
        ]

    replace(Stack, "parameter_list", property(as_text))


def _keep_function(function: LambdaFunction, properties: Properties) -> None:
    """Set its environment, its layers and its log group."""
    function.environment_vars = properties.get("Environment", {}).get("Variables", {})
    if "Layers" in properties:
        function.update_configuration({"Layers": properties["Layers"]})
    if group := properties.get("LoggingConfig", {}).get("LogGroup"):
        function.logs_group_name = group


def _keep_bucket(bucket: FakeBucket, properties: Properties) -> None:
    """Set whether it keeps versions, and whether it sends its events to EventBridge."""
    bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status")
    sent = properties.get("NotificationConfiguration", {}).get("EventBridgeConfiguration", {})
    on = str(sent.get("EventBridgeEnabled", "false")).lower() == "true"
    bucket.set_notification_configuration({"EventBridgeConfiguration": {}} if on else None)


def then(model: Any, keep: Callable[[Any, Properties], None]) -> None:
    """Call `keep` with each resource of a kind after CloudFormation has created or updated it."""
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
        changed = update(original_resource, new_resource_name, resource, account_id, region_name) or original_resource
        keep(changed, properties)
        return changed

    replace(model, "create_from_cloudformation_json", staticmethod(create_and_keep))
    replace(model, "update_from_cloudformation_json", staticmethod(update_and_keep))


def _with_arns(properties: Properties) -> Properties:
    """The properties with ARNs of layers, to which moto resolves a Ref as the layer object."""
    layers = properties.get("Layers", [])
    arns = [layer.arn if isinstance(layer, LayerVersion) else layer for layer in layers]
    return {**properties, "Layers": arns} if layers else properties
