"""Does what `sam deploy` does, without the network: translates the template, uploads code, creates the stack.

AWS translates `AWS::Serverless` resources inside CloudFormation; here the same translator runs before. A layer consists
of the Python packages in its directory, without the libraries that `sam build` would install into it: those of this
machine's Python are used.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

from stage.cloudformation import artifacts
from stage.cloudformation.sam import Template, translate, with_defaults
from stage.moto.clients import client


def deploy(template: Path, stack: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create the stack from a SAM template and the code beside it. Returns the stack's outputs.

    Raises what CloudFormation, the translator or the file system raises when the template cannot be deployed.
    """
    client("s3").create_bucket(Bucket=artifacts.BUCKET)
    sam: Template = yaml_parse(template.read_text())
    _upload_code(sam, template.parent)
    values = with_defaults(sam, parameters)
    plain = translate(sam, values)
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(plain),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    return outputs_of(stack)


def outputs_of(stack: str) -> dict[str, str]:
    """The outputs of a stack; empty when there is no such stack."""
    stacks = client("cloudformation").describe_stacks()["Stacks"]
    outputs = [output for each in stacks if each["StackName"] == stack for output in each.get("Outputs", [])]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def _upload_code(sam: Template, root: Path) -> None:
    """Upload code and replace local paths by S3 locations."""
    for resource in sam["Resources"].values():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                properties["CodeUri"] = artifacts.upload(artifacts.zipped(root / properties["CodeUri"]))
            case "AWS::Serverless::LayerVersion":
                directory = root / properties["ContentUri"]
                packages = [path.parent for path in sorted(directory.glob("*/__init__.py"))]
                properties["ContentUri"] = artifacts.upload(artifacts.zipped(*packages, inside=Path("python")))
            case "AWS::Serverless::StateMachine":
                properties["DefinitionUri"] = artifacts.upload((root / properties["DefinitionUri"]).read_bytes())
