"""The permissions that EventBridge Scheduler's calls need.

docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
"""

from collections.abc import Mapping

from stage.iam.ecs import pass_role
from stage.iam.evaluation import Permission
from stage.iam.permissions import Ask, Request, anywhere, on, on_arn
from stage.moto.clients import ACCOUNT, REGION

ARN = f"arn:aws:scheduler:{REGION}:{ACCOUNT}"
SERVICE = "scheduler.amazonaws.com"


def _on_schedule(action: str) -> Ask:
    def ask(request: Request) -> list[Permission]:
        schedule = f"{ARN}:schedule/{request.get('GroupName') or 'default'}/{request['Name']}"
        roles = [request["Target"]["RoleArn"]] if "Target" in request else []
        return [Permission(f"scheduler:{action}", schedule), *(pass_role(role, SERVICE) for role in roles)]

    return ask


def _on_group(action: str) -> Ask:
    return on("scheduler", action, lambda request: f"schedule-group/{request['Name']}")


def _create_group(request: Request) -> list[Permission]:
    tags = _on_group("TagResource")(request) if request.get("Tags") else []
    return [*_on_group("CreateScheduleGroup")(request), *tags]


def _delete_group(request: Request) -> list[Permission]:
    """managing-schedule-group-delete.html: who deletes a group deletes its schedules."""
    schedules = Permission("scheduler:DeleteSchedule", f"{ARN}:schedule/{request['Name']}/*")
    return [*_on_group("DeleteScheduleGroup")(request), schedules]


ACTIONS: Mapping[tuple[str, str], Ask] = {
    ("scheduler", "CreateSchedule"): _on_schedule("CreateSchedule"),
    ("scheduler", "UpdateSchedule"): _on_schedule("UpdateSchedule"),
    ("scheduler", "GetSchedule"): _on_schedule("GetSchedule"),
    ("scheduler", "DeleteSchedule"): _on_schedule("DeleteSchedule"),
    ("scheduler", "ListSchedules"): anywhere("scheduler:ListSchedules"),
    ("scheduler", "CreateScheduleGroup"): _create_group,
    ("scheduler", "GetScheduleGroup"): _on_group("GetScheduleGroup"),
    ("scheduler", "DeleteScheduleGroup"): _delete_group,
    ("scheduler", "ListScheduleGroups"): anywhere("scheduler:ListScheduleGroups"),
    ("scheduler", "ListTagsForResource"): on_arn("scheduler:ListTagsForResource", "ResourceArn"),
    ("scheduler", "TagResource"): on_arn("scheduler:TagResource", "ResourceArn"),
    ("scheduler", "UntagResource"): on_arn("scheduler:UntagResource", "ResourceArn"),
}
