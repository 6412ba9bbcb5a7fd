"""AWS::Scheduler::ScheduleGroup, which moto's CloudFormation does not have.

docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedulegroup.html
"""

from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.parsing import get_model_list, get_model_map, get_name_type_map
from moto.core.common_models import CloudFormationModel
from moto.core.exceptions import ServiceException
from moto.scheduler.models import scheduler_backends

from stage.cloudformation.resources import Properties
from stage.moto.clients import ACCOUNT, REGION
from stage.scheduler.api import create_group
from stage.scheduler.schedules import groups

_ATTRIBUTES = ("Arn", "CreationDate", "LastModificationDate", "State")


def install() -> None:
    """Have moto look for its resources' classes again: importing this module has added one."""
    get_model_list.cache_clear()
    get_model_map.cache_clear()
    get_name_type_map.cache_clear()


class StacksGroup(CloudFormationModel):
    """A group that a stack has made. The group itself is Scheduler's: a reset of the stage replaces it."""

    def __init__(self, name: str) -> None:
        self.name = name

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Scheduler::ScheduleGroup"

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in _ATTRIBUTES

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return str(groups()[self.name].to_dict()[attribute_name])

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Properties, account_id: str, region_name: str, **kwargs: Any
    ) -> "StacksGroup":
        try:
            create_group(resource_name, cloudformation_json["Properties"].get("Tags", []))
        except ServiceException as refusal:  # AWS would roll the stack back; moto refuses to create it
            raise ValidationError(resource_name, refusal.message) from refusal
        return cls(resource_name)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: "StacksGroup",
        new_resource_name: str,
        cloudformation_json: Properties,
        account_id: str,
        region_name: str,
    ) -> "StacksGroup":
        """Change its tags in place. Another name is another group; the one before goes, unless it is to be retained."""
        properties = cloudformation_json["Properties"]
        if properties.get("Name", original_resource.name) == original_resource.name:
            tagger, arn = scheduler_backends[ACCOUNT][REGION].tagger, groups()[original_resource.name].arn
            tagger.delete_all_tags_for_resource(arn)
            tagger.tag_resource(arn, properties.get("Tags", []))
            return original_resource
        made = cls.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)
        if cloudformation_json.get("UpdateReplacePolicy") != "Retain":
            cls.delete_from_cloudformation_json(original_resource.name, cloudformation_json, account_id, region_name)
        return made

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Properties, account_id: str, region_name: str
    ) -> None:
        """With all its schedules."""
        groups().pop(resource_name, None)

    def is_created(self) -> bool:
        return True
