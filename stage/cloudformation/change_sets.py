"""CloudFormation as `sam deploy` uses it: templates in S3, and the SAM transform.

moto cannot read a template from its own S3, has no transform, fails for a list parameter that keeps its value, and
takes a change set without a type for that of a new stack.
"""

import json
from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import ClientError
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import cloudformation_backends
from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.yaml_helper import yaml_parse

from stage.cloudformation.sam import TRANSFORM, Template, translate, with_defaults
from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION, client

METHODS = {
    "CreateChangeSet": "create_change_set",
    "CreateStack": "create_stack",
    "UpdateStack": "update_stack",
    "GetTemplateSummary": "get_template_summary",
    "ValidateTemplate": "validate_template",
}


class ChangeSets:
    """A hook that gives moto plain templates."""

    def before(self, call: Call) -> Reply | None:
        """Answer calls that have a template; moto answers the others."""
        if call.service != "cloudformation" or call.operation not in METHODS:
            return None
        request = dict(call.params)
        body = _read(request.pop("TemplateURL")) if "TemplateURL" in request else request.get("TemplateBody")
        if body is None:  # UsePreviousTemplate: moto has it
            return None
        if call.operation == "CreateChangeSet":
            request.setdefault("ChangeSetType", "UPDATE")
        template: Template = yaml_parse(body)
        try:
            if "ChangeSetName" in request or "Capabilities" in request:
                parameters = with_defaults(template, _given(request))
                template = _translated(template, parameters)
                request["Parameters"] = [{"ParameterKey": n, "ParameterValue": v} for n, v in parameters.items()]
            request["TemplateBody"] = json.dumps(template)
            if call.operation == "UpdateStack" and _unchanged(request):
                return Reply.refusal(call, "ValidationError", "No updates are to be performed.")
            if request.get("ChangeSetType") == "CREATE":
                _forget_unexecuted(request["StackName"])
            answer: dict[str, Any] = getattr(client("cloudformation"), METHODS[call.operation])(**request)
        except InvalidDocumentException as invalid:
            return Reply.refusal(call, "ValidationError", f"Transform {TRANSFORM} failed with: {invalid.message}")
        except ClientError as refused:
            error = refused.response["Error"]
            return Reply.refusal(call, error["Code"], error["Message"])
        answer.pop("ResponseMetadata")
        return Reply.result(call, answer)

    def after(self, call: Call, reply: Reply) -> None:
        """Leave every reply as it is."""


def _forget_unexecuted(name: str) -> None:
    """A change set that is not executed leaves a stack in review; AWS takes that for the next, moto makes another."""
    stacks = cloudformation_backends[ACCOUNT][REGION].stacks
    for each in [key for key, stack in stacks.items() if stack.name == name and stack.status == "REVIEW_IN_PROGRESS"]:
        del stacks[each]


def _unchanged(request: dict[str, Any]) -> bool:
    """Whether a stack has this template and these parameters already."""
    try:
        stack = cloudformation_backends[ACCOUNT][REGION].get_stack(request["StackName"])
    except ValidationError:
        return False
    given = {each["ParameterKey"]: each.get("ParameterValue") for each in request.get("Parameters", [])}
    return bool(stack.has_template(request["TemplateBody"]) and stack.has_parameters(given))


def _translated(template: Template, parameters: dict[str, str]) -> Template:
    transforms = template.get("Transform", [])
    if TRANSFORM not in ([transforms] if isinstance(transforms, str) else transforms):
        return template
    return translate(template, parameters)


def _given(request: dict[str, Any]) -> dict[str, str]:
    """The request's parameters; those that keep their value have the last one."""
    given = request.get("Parameters", [])
    kept = [each["ParameterKey"] for each in given if each.get("UsePreviousValue")]
    before = _parameters_of(request["StackName"]) if kept else {}
    values = {each["ParameterKey"]: each["ParameterValue"] for each in given if not each.get("UsePreviousValue")}
    return {name: before[name] for name in kept if name in before} | values


def _parameters_of(stack: str) -> dict[str, str]:
    try:
        parameters: dict[str, str] = cloudformation_backends[ACCOUNT][REGION].get_stack(stack).parameters
    except ValidationError:
        return {}
    return parameters


def _read(url: str) -> str:
    """A template in S3. The bucket is the first part of the URL's path or of its host."""
    parsed = urlparse(url)
    path = parsed.path.lstrip("/")
    host = parsed.hostname or ""
    bucket, _, key = path.partition("/")
    if ".s3." in host or host.endswith(".localhost"):
        bucket, key = host.partition(".")[0], path
    return str(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())
