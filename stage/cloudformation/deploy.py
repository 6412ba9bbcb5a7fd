"""Does what `sam deploy` does, without the network: translates the template, uploads code, creates the stack.

AWS translates `AWS::Serverless` resources inside CloudFormation; here the same translator runs before. A layer consists
of the Python packages in its directory, without the libraries that `sam build` would install into it: those of this
machine's Python are used.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

from stage.cloudformation.sam import Template, translate, with_defaults
from stage.moto.clients import client

ARTIFACTS = "stage-artifacts"
"""The bucket for code, as that of `sam deploy --s3-bucket`."""


def deploy(template: Path, stack: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create the stack from a SAM template and the code beside it. Returns the stack's outputs.

    Raises what CloudFormation, the translator or the file system raises when the template cannot be deployed.
    """
    client("s3").create_bucket(Bucket=ARTIFACTS)
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
                properties["CodeUri"] = _upload(_zipped(root / properties["CodeUri"]))
            case "AWS::Serverless::LayerVersion":
                directory = root / properties["ContentUri"]
                packages = [path.parent for path in sorted(directory.glob("*/__init__.py"))]
                properties["ContentUri"] = _upload(_zipped(*packages, inside=Path("python")))
            case "AWS::Serverless::StateMachine":
                properties["DefinitionUri"] = _upload((root / properties["DefinitionUri"]).read_bytes())


def _zipped(*directories: Path, inside: Path | None = None) -> bytes:
    """The files of one directory, or of several under `inside`, as a zip; the same files give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for directory in directories:
            start = inside / directory.name if inside else Path()
            for path in sorted(directory.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.writestr(zipfile.ZipInfo(str(start / path.relative_to(directory))), path.read_bytes())
    return content.getvalue()


def _upload(content: bytes) -> dict[str, str]:
    key = hashlib.sha256(content).hexdigest()
    client("s3").put_object(Bucket=ARTIFACTS, Key=key, Body=content)
    return {"Bucket": ARTIFACTS, "Key": key}
