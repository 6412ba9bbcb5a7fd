"""Updates of a stack: every resource whose properties have another value afterwards is changed, as on AWS.

moto compares the templates' text and the parameters that a Ref names: what follows from Fn::Sub, a condition or a
replaced resource stays as it was. It removes what is to be retained, and gives a rule or topic that changes a new name.
"""

import json
from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LayerVersion
from moto.cloudformation import parsing
from moto.cloudformation.models import Change, ChangeSet
from moto.cloudformation.parsing import (
    ResourceMap,
    clean_json,
    generate_resource_name,
    get_model_map,
    parse_and_create_resource,
    parse_and_update_resource,
)
from moto.events.models import EventPattern, Rule, events_backends
from moto.logs.models import LogGroup
from moto.sns.models import Topic

from stage.moto.patch import replace

Properties = dict[str, Any]
Template = dict[str, Any]
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html, API_CreateRole.html of IAM,
# API_CreateFunction.html of Lambda, API_CreateScheduleGroup.html of Scheduler
_LONGEST_NAME = {
    "AWS::Events::Rule": 64,
    "AWS::IAM::Role": 64,
    "AWS::Lambda::Function": 64,
    "AWS::Scheduler::ScheduleGroup": 64,
}


def install() -> None:
    """Have updates and change sets compare properties, rules, topics and log groups keep their names, names that
    CloudFormation makes fit, and a rule be deleted with its targets, those of a restored snapshot too.
    """
    replace(parsing, "generate_resource_name", _generated_name)
    replace(ResourceMap, "update", _update)
    replace(ChangeSet, "diff", _changes)
    in_place(Rule, "Name", _change_rule)
    in_place(Topic, "TopicName", _change_topic)
    in_place(LogGroup, "LogGroupName", _change_log_group)
    replace(Rule, "delete", _delete_rule)


def _generated_name(resource_type: str, stack_name: str, logical_id: str) -> str:
    """The name of a resource without one of its own; of a long stack's name as much as there is room for."""
    name = generate_resource_name(resource_type, stack_name, logical_id)
    excess = len(name) - _LONGEST_NAME.get(resource_type, len(name))
    return generate_resource_name(resource_type, stack_name[:-excess], logical_id) if excess > 0 else name


class _Planned(ResourceMap):
    """The resources of a template that is not carried out yet: of those that it adds only the logical ID is known."""

    def __getitem__(self, key: str) -> Any:
        if key in self._parsed_resources or key not in self._resource_json_map:
            return super().__getitem__(key)
        made = self._resource_json_map[key]["Type"] in get_model_map() and _holds(self, key)
        return _New(key) if made else None


class _New:
    """A resource that a change set adds."""

    def __init__(self, logical_id: str) -> None:
        self.physical_resource_id = logical_id

    def get_cfn_attribute(self, name: str) -> str:
        return f"{self.physical_resource_id}.{name}"


def _update(self: ResourceMap, template: Template, parameters: dict[str, Any] | None = None) -> None:
    """Make the stack's resources those of the template: first the new ones, then the changed, then without the others.

    What is changed may have another ARN or name afterwards, so that those which refer to it change too.
    """
    before = {name: _properties(self, name) for name in _named(self) if name in self._parsed_resources}
    definitions = self._resource_json_map
    self._template, self._resource_json_map = template, template["Resources"]
    if parameters:
        self.input_parameters = parameters
    self.load_mapping()
    self.load_parameters()
    self.load_conditions()
    there = _named(self)
    gone = {name: self._parsed_resources.pop(name) for name in before if name not in there}
    for name in there:
        if name not in before and self[name] is not None:
            before[name] = _properties(self, name)
    while changed := {
        name: properties for name in there if name in before and (properties := _properties(self, name)) != before[name]
    }:
        for name in changed:
            self._parsed_resources[name] = _changed(self, name)
        before |= changed
    _delete(self, {name: (resource, definitions[name]) for name, resource in gone.items()})


def _changes(self: ChangeSet) -> list[Change]:
    """What carrying out the change set adds, modifies and removes."""
    old = self.stack.resource_map
    new = _Planned(
        self.stack_id,
        self.stack_name,
        self.parameters,
        self.tags or {},
        account_id=old._account_id,
        region_name=old._region_name,
        template=self.template_dict,
        cross_stack_resources=old.cross_stack_resources,
    )
    new.load()
    before, after = _named(old), _named(new)
    both = [name for name in after if name in before]
    new._parsed_resources.update({name: old._parsed_resources[name] for name in both if name in old._parsed_resources})
    actions = {
        "Add": [name for name in after if name not in before],
        "Modify": [name for name in both if _properties(new, name) != _properties(old, name)],
        "Remove": [name for name in before if name not in after],
    }
    types = {name: each["Type"] for name, each in (old._resource_json_map | new._resource_json_map).items()}
    return [Change(action, name, types[name]) for action, names in actions.items() for name in names]


def _holds(resources: ResourceMap, name: str) -> bool:
    """Whether a resource has no condition, or one that is true."""
    condition = resources._resource_json_map[name].get("Condition")
    return condition is None or bool(resources.lazy_condition_map[condition])


def _named(resources: ResourceMap) -> list[str]:
    """The logical IDs of a template, without those whose condition is false."""
    return [name for name in resources._resource_json_map if _holds(resources, name)]


def _properties(resources: ResourceMap, name: str) -> Any:
    """A resource's properties as they are with these parameters and resources."""
    return clean_json(resources._resource_json_map[name].get("Properties", {}), resources)


def _changed(resources: ResourceMap, name: str) -> Any:
    """The resource after its properties have changed. A layer has a new version; what moto cannot change stays."""
    definition, resource = resources._resource_json_map[name], resources._parsed_resources[name]
    where = {"account_id": resources._account_id, "region_name": resources._region_name}
    if isinstance(resource, LayerVersion):
        return parse_and_create_resource(name, definition, resources, **where)
    return parse_and_update_resource(name, definition, resources, **where) or resource


def _delete(resources: ResourceMap, gone: dict[str, tuple[Any, Properties]]) -> None:
    """Delete what a template no longer has, apart from what it says to retain. The last come first."""
    for resource, definition in reversed(gone.values()):
        if definition.get("DeletionPolicy") not in ("Retain", "RetainExceptOnCreate"):
            resources._delete_resource(resource, definition)


def in_place(model: Any, name_property: str, change: Callable[[Any, Properties], None]) -> None:
    """Have an update change a resource instead of making another, unless the template gives it another name."""
    renew = model.update_from_cloudformation_json

    def update(
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Properties,
        account_id: str,
        region_name: str,
    ) -> Any:
        properties = cloudformation_json["Properties"]
        if properties.get(name_property, original_resource.name) != original_resource.name:
            return renew(original_resource, new_resource_name, cloudformation_json, account_id, region_name)
        change(original_resource, properties)
        return original_resource

    replace(model, "update_from_cloudformation_json", staticmethod(update))


def _change_rule(rule: Rule, properties: Properties) -> None:
    pattern = properties.get("EventPattern")
    rule.event_pattern = EventPattern.load(json.dumps(pattern) if pattern else None)
    rule.description, rule.role_arn = properties.get("Description"), properties.get("RoleArn")
    rule.scheduled_expression = properties.get("ScheduleExpression")
    rule.state = properties.get("State", "ENABLED")
    rule.targets = properties.get("Targets", [])


def _delete_rule(rule: Rule, account: str, region: str) -> None:
    backend = events_backends[account][region]
    if there := backend.event_buses["default"].rules.get(rule.name):  # another object once a snapshot was restored
        there.targets = []
    backend.delete_rule(rule.name, rule.event_bus_name)


def _change_topic(topic: Topic, properties: Properties) -> None:
    topic.display_name = properties.get("DisplayName", "")


def _change_log_group(group: LogGroup, properties: Properties) -> None:
    group.retention_in_days = properties.get("RetentionInDays")
