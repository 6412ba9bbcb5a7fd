"""AWS's SAM transform, done by AWS's own translator: `AWS::Serverless` resources become plain CloudFormation."""

import re
from collections.abc import Mapping
from typing import Any

from samtranslator.translator.transform import transform

from stage.moto.clients import client

TRANSFORM = "AWS::Serverless-2016-10-31"

Template = dict[str, Any]


class ManagedPolicies:
    """The managed policies that SAM templates may name without their ARN."""

    names = ("service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess")

    def load(self) -> dict[str, str]:
        """Name to ARN, as SAM asks for it."""
        return {name.rpartition("/")[2]: f"arn:aws:iam::aws:policy/{name}" for name in self.names}


def translate(sam: Template, parameters: Mapping[str, str]) -> Template:
    """The template that AWS would create from a packaged one, which names code and definitions by their place in S3.

    Raises what the translator raises for a template that is none.
    """
    plain: Template = transform(sam, dict(parameters), ManagedPolicies())
    for resource in plain["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine" and "DefinitionS3Location" in resource["Properties"]:
            _define(resource["Properties"])
    return plain


def with_defaults(template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters, and the defaults of those that are not given: moto splits a list that is, but no default."""
    slots = template.get("Parameters", {})
    return {name: str(slot["Default"]) for name, slot in slots.items() if "Default" in slot} | dict(parameters)


def _define(properties: dict[str, Any]) -> None:
    """Have CloudFormation fill in the definition's `${Tokens}`.

    moto knows no DefinitionSubstitutions, and its Fn::Sub takes `$$` for one `$`; its Fn::Join leaves both alone.
    """
    location = properties.pop("DefinitionS3Location")
    definition = client("s3").get_object(Bucket=location["Bucket"], Key=location["Key"])["Body"].read().decode()
    substitutions = properties.pop("DefinitionSubstitutions", {})
    parts: list[Any] = re.split(r"\$\{(\w+)\}", definition)
    parts[1::2] = [substitutions[token] for token in parts[1::2]]
    properties["DefinitionString"] = {"Fn::Join": ["", parts]}
