"""What `sam deploy` does, without the network: translates the SAM template, uploads code, creates the stack.

AWS translates `AWS::Serverless` resources inside CloudFormation; here the same translator runs beforehand. A layer is
made of the Python packages in its directory, without the libraries that `sam build` would install into it: the
libraries of this machine's Python stand in for them.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from stage.direct import client

ARTIFACTS = "stage-artifacts"
"""The bucket for code, as `sam deploy --s3-bucket` has one."""

Template = dict[str, Any]


class ManagedPolicies:
    """The managed policies that SAM templates may name without their ARN."""

    names = ("service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess")

    def load(self) -> dict[str, str]:
        """Name to ARN, as SAM asks for it."""
        return {name.rpartition("/")[2]: f"arn:aws:iam::aws:policy/{name}" for name in self.names}


def deploy(template: Path, stack: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create the stack from a SAM template and the code beside it. Returns the stack's outputs.

    Raises what CloudFormation, the translator or the file system raises when the template cannot be deployed.
    """
    client("s3").create_bucket(Bucket=ARTIFACTS)
    sam: Template = yaml_parse(template.read_text())
    machines = dict(_with_uploaded_code(sam, template.parent))
    plain: Template = transform(sam, dict(parameters), ManagedPolicies())
    for logical_id, definition in machines.items():
        _define(plain["Resources"][logical_id]["Properties"], definition)
    cloudformation = client("cloudformation")
    # Defaults are passed like the rest: moto splits a list that is given, but not a list that is a default.
    values = {name: str(slot["Default"]) for name, slot in plain["Parameters"].items() if "Default" in slot}
    values.update(parameters)
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(plain),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    (created,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in created["Outputs"]}


def _with_uploaded_code(sam: Template, root: Path) -> Iterator[tuple[str, str]]:
    """Put S3 locations in the place of local paths. Yields each state machine's logical id and definition."""
    for logical_id, resource in sam["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                properties["CodeUri"] = _upload(_zipped(root / properties["CodeUri"]))
            case "AWS::Serverless::LayerVersion":
                directory = root / properties["ContentUri"]
                packages = [path.parent for path in sorted(directory.glob("*/__init__.py"))]
                properties["ContentUri"] = _upload(_zipped(*packages, inside=Path("python")))
            case "AWS::Serverless::StateMachine":
                definition = (root / properties.pop("DefinitionUri")).read_text()
                properties["Definition"] = json.loads(definition)
                yield logical_id, definition


def _define(properties: dict[str, Any], definition: str) -> None:
    """Have CloudFormation fill in the definition's `${Tokens}`.

    moto knows no DefinitionSubstitutions, and its Fn::Sub takes `$$` for one `$`; its Fn::Join leaves both alone.
    """
    substitutions = properties.pop("DefinitionSubstitutions", {})
    parts: list[Any] = re.split(r"\$\{(\w+)\}", definition)
    parts[1::2] = [substitutions[token] for token in parts[1::2]]
    properties["DefinitionString"] = {"Fn::Join": ["", parts]}


def _zipped(*directories: Path, inside: Path | None = None) -> bytes:
    """The files of one directory, or of several side by side under `inside`; the same files give the same zip."""
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
