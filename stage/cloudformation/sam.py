"""The SAM transform, by AWS's own translator: `AWS::Serverless` resources become plain CloudFormation."""

import re
from collections.abc import Mapping
from typing import Any

from samtranslator.translator.transform import transform

from stage.moto.clients import client

TRANSFORM = "AWS::Serverless-2016-10-31"

Template = dict[str, Any]


class ManagedPolicies:
    """The managed policies that SAM templates may name without an ARN."""

    names = ("service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess")

    def load(self) -> dict[str, str]:
        """Their ARNs by name."""
        return {name.rpartition("/")[2]: f"arn:aws:iam::aws:policy/{name}" for name in self.names}


def translate(sam: Template, parameters: Mapping[str, str]) -> Template:
    """The plain template of a packaged one, whose code and definitions are in S3.

    Raises what the translator raises for an invalid template.
    """
    plain: Template = transform(sam, dict(parameters), ManagedPolicies())
    for resource in plain["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine" and "DefinitionS3Location" in resource["Properties"]:
            _define(resource["Properties"])
    return plain


def with_defaults(template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters, and the defaults of the others: moto splits list parameters, but not their defaults."""
    slots = template.get("Parameters", {})
    return {name: str(slot["Default"]) for name, slot in slots.items() if "Default" in slot} | dict(parameters)


def _define(properties: dict[str, Any]) -> None:
    """Have CloudFormation replace the definition's `${Tokens}`.

    moto ignores DefinitionSubstitutions, and its Fn::Sub turns `$$` into `$`; its Fn::Join changes neither.
    """
    location = properties.pop("DefinitionS3Location")
    definition = client("s3").get_object(Bucket=location["Bucket"], Key=location["Key"])["Body"].read().decode()
    substitutions = properties.pop("DefinitionSubstitutions", {})
    parts: list[Any] = re.split(r"\$\{(\w+)\}", definition)
    parts[1::2] = [substitutions[token] for token in parts[1::2]]
    properties["DefinitionString"] = {"Fn::Join": ["", parts]}
