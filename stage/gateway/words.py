"""Words and members in the errors of services that the stage otherwise leaves to moto."""

import json
import re
from collections.abc import Callable, Mapping

from moto.s3.models import FakeDeleteMarker, s3_backends

from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT

A_VERSION = re.compile(r"null|[A-Za-z0-9._]{32}|[0-9a-f-]{36}")
"""S3's own versions, and moto's."""
REPLACED: Mapping[tuple[str, str], tuple[bytes, bytes]] = {
    ("cloudformation", "DescribeStackEvents"): (rb"Stack with id ([\w-]+) does not", rb"Stack [\1] does not"),
    ("iam", "DeletePolicy"): (rb"(policy/[\w/-]+) not found", rb"\1 was not found."),
    ("sqs", "ReceiveMessage"): (
        rb"An error occurred \(\w+\) when calling the \w+ operation: (.*)must be",
        rb"\1Must be",
    ),
}
"""moto's words, and AWS's."""


class Words:
    """A hook that refuses what moto answers otherwise, and corrects moto's errors."""

    def before(self, call: Call) -> Reply | None:
        """Refuse versions of objects, policies and stacks as AWS does."""
        refuse = REFUSALS.get(call.key)
        return refuse(call) if refuse else None

    def after(self, call: Call, reply: Reply) -> Reply | None:
        """Correct an error of moto."""
        if reply.ok:
            return None
        if call.key in REPLACED:
            reply.body = re.sub(*REPLACED[call.key], reply.body)
        elif call.service == "s3" and reply.error in ("NoSuchVersion", "NoSuchKey") and b"<Key>" not in reply.body:
            named = {"Key": call.params.get("Key"), "VersionId": call.params.get("versionId")}
            reply.add({name: str(value) for name, value in named.items() if value})
        return None


def _version(call: Call) -> Reply | None:
    """docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html"""
    version = call.params.get("versionId")
    if version is None:
        return None
    bucket = s3_backends[ACCOUNT]["aws"].buckets.get(str(call.params.get("Bucket")))
    stored = bucket.keys.getlist(str(call.params.get("Key")), []) if bucket else []
    if any(isinstance(each, FakeDeleteMarker) and each.version_id == version for each in stored):
        words = "The specified method is not allowed against this resource."
        return Reply.refusal(call, "MethodNotAllowed", words, 405, Method="GET", ResourceType="DeleteMarker")
    if not A_VERSION.fullmatch(version):
        members = {"ArgumentName": "versionId", "ArgumentValue": version}
        return Reply.refusal(call, "InvalidArgument", "Invalid version id specified", **members)
    return None


def _role(call: Call) -> Reply | None:
    try:
        json.loads(call.params.get("AssumeRolePolicyDocument") or "{}")
    except ValueError:
        return Reply.refusal(call, "MalformedPolicyDocument", "This policy contains invalid Json")
    return None


REFUSALS: Mapping[tuple[str, str], Callable[[Call], Reply | None]] = {
    ("iam", "CreateRole"): _role,
    ("s3", "GetObject"): _version,
}
