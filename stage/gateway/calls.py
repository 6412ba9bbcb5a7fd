"""An AWS call, the reply to it, and the hooks between the two.

Everything that the stage adds to moto's answers is a `Hook`: faults, quotas, latency, ECR's events, ECS's rollouts. A
hook sees each call before moto and each reply after it, and selects calls by `call.key`, spelled as boto3 does:
`("stepfunctions", "StartExecution")`.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol
from xml.sax.saxutils import escape

from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS, RequestDict, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

# The names in signatures that differ from boto3's names of the services.
SIGNING_NAMES = {
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
    "email": "ses",
}


STEP_FUNCTIONS = "states"
"""The access keys with which Step Functions itself invokes functions: this, a colon, and the name of its role."""


@dataclass
class Call:
    """A recognised request to an AWS API."""

    service: str
    """boto3's name: `events`, `ecs`, `stepfunctions`."""
    operation: str
    """AWS's name: `PutTargets`. `Unknown` when the request matches no operation of the service."""
    region: str
    access_key: str
    request: Request
    model: OperationModel | None = field(default=None, repr=False)
    """botocore's model of the operation; None when the operation is unknown."""
    path_params: dict[str, Any] = field(default_factory=dict, repr=False)
    caller: str | None = None
    """The short name of the function whose credentials signed the request, else None."""
    time: float = field(default_factory=time.time)
    """When it arrived, in seconds since the epoch."""
    page: Any = field(default=None, repr=False)
    """The page of a list that it asks for (`stage.gateway.pages`)."""

    @property
    def key(self) -> tuple[str, str]:
        """`(service, operation)`."""
        return self.service, self.operation

    @cached_property
    def params(self) -> dict[str, Any]:
        """The request's members by AWS's names, in every protocol; S3's bodies stay in `request`.

        Empty when the body cannot be parsed.
        """
        if self.model is None:
            return {}
        protocol = determine_request_protocol(self.model.service_model, self.request.content_type)
        if self.service == "s3":
            return {**self.request.args.to_dict(), **self.path_params}
        if protocol == "json":
            # Unparsed by the model: validation must see members that the model does not know.
            try:
                body = json.loads(self.request.get_data() or b"{}")
            except ValueError:
                return {}
            return body if isinstance(body, dict) else {}
        request: RequestDict = {
            "method": self.request.method,
            "values": self.request.values,
            "headers": self.request.headers,
            "body": self.request.get_data(),
            "url_path": self.request.path,
            "url_params": self.path_params,
        }
        try:
            return PROTOCOL_PARSERS[protocol](self.model).parse(request)
        except (RequestParserError, ValueError):
            return {}


@dataclass
class Reply:
    """The HTTP answer to a call."""

    status: int
    body: bytes = b""
    headers: Headers = field(default_factory=Headers)
    error: str | None = None
    """AWS's error code, None for success."""
    lost: bool = False
    """The connection is closed without an answer, as when the network fails after AWS has carried out the call."""
    cut: bool = False
    """The connection is closed in the middle of the answer."""

    @property
    def ok(self) -> bool:
        return self.error is None and self.status < 400  # noqa: PLR2004 - HTTP's limit between success and error

    @property
    def sent(self) -> bytes:
        """The part of the body that reaches the caller."""
        return self.body[: len(self.body) // 2] if self.cut else self.body

    @property
    def data(self) -> dict[str, Any]:
        """The body of a JSON reply; empty for the XML protocols."""
        try:
            data = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}

    def add(self, members: Mapping[str, str]) -> None:
        """Add members to the body of an error: in XML after the message, where S3 has them."""
        if data := self.data:
            self.body = json.dumps({**data, **members}).encode()
        else:
            added = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in members.items())
            self.body = self.body.replace(b"</Message>", f"</Message>{added}".encode())

    @classmethod
    def result(cls, call: Call, result: dict[str, Any] | None = None) -> "Reply":
        """A success in the protocol of the call's service. The members have AWS's names."""
        return cls._serialized(call, result or {})

    @classmethod
    def as_sent(cls, result: dict[str, Any]) -> "Reply":
        """A success of a JSON protocol with all members: `result` drops those that botocore's model does not know."""
        body = json.dumps(result, default=datetime.timestamp).encode()
        return cls(200, body, Headers({"Content-Type": "application/x-amz-json-1.1"}))

    @classmethod
    def refusal(cls, call: Call, code: str, message: str, status: int = 400, **members: str) -> "Reply":
        """An error as AWS sends it, for example `Reply.refusal(call, "ThrottlingException", "Rate exceeded")`.

        `members` are in the body beside code and message.
        """
        reply = cls._serialized(call, _Refusal(code, message))
        reply.status, reply.error = status, code
        if members:
            reply.add(members)
        return reply

    @classmethod
    def received(cls, status: int, body: bytes, headers: Headers) -> "Reply":
        """A reply of moto, with the error code that its protocol puts into headers or body."""
        reply = cls(status, body, headers)
        if status >= 400:  # noqa: PLR2004 - HTTP's limit between success and error
            in_xml = re.search(rb"<Code>([^<]+)</Code>", body)
            code = headers.get("x-amzn-ErrorType") or reply.data.get("__type") or (in_xml and in_xml[1].decode())
            # A reply to HEAD has no body; botocore, too, takes the status as the code then.
            reply.error = str(code or status).rpartition("#")[2].partition(":")[0]
        return reply

    @classmethod
    def _serialized(cls, call: Call, result: object) -> "Reply":
        service = get_service_model(call.service)
        model = call.model or OperationModel({}, service)  # enough to serialize an error
        protocol = determine_request_protocol(service, call.request.content_type)
        written = get_serializer_class(call.service, protocol)(operation_model=model).serialize(result)
        body = written["body"]
        headers = Headers({name: str(value) for name, value in written["headers"].items()})
        return cls(int(written["status_code"]), body.encode() if isinstance(body, str) else body, headers)


class _Refusal(ServiceException):
    """An error of any service: moto derives an exception's service from its module's name."""


class Hook(Protocol):
    """Sees every call and every reply, and may answer a call or replace a reply.

    Hooks run in the order in which they were added, in the thread of the request: one hook may run in many threads.
    """

    def before(self, call: Call) -> Reply | None:
        """Return a reply to answer the call instead of the later hooks and moto, None to let it pass."""

    def after(self, call: Call, reply: Reply) -> Reply | None:
        """See every reply; the last hook comes first. Return another reply to replace it, None to keep it."""


def recognise(request: Request) -> Call | None:
    """The AWS call that a request is, by its signature and the service's model.

    None for an unsigned request, unless its path is that of a Lambda invocation.
    """
    scope = _credential_scope(request)
    if scope is None:
        if not request.path.startswith("/2015-03-31/functions/"):
            return None
        scope = ("", "us-east-1", "lambda")
    access_key, region, signing_name = scope
    target = request.headers.get("X-Amz-Target", "")
    service = SIGNING_NAMES.get(signing_name, signing_name)
    if target.startswith("DynamoDBStreams"):
        service = "dynamodbstreams"
    try:
        model, path_params = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError, LookupError):
        return Call(service, target.rpartition(".")[2] or "Unknown", region, access_key, request)
    return Call(service, str(model.name), region, access_key, request, model, path_params)


def _credential_scope(request: Request) -> tuple[str, str, str] | None:
    """Access key, region and signing name from a SigV4 header or a pre-signed URL."""
    authorization = request.headers.get("Authorization", "")
    _, _, credential = authorization.partition("Credential=")
    parts = (credential.split(",")[0] or request.args.get("X-Amz-Credential", "")).split("/")
    if len(parts) != 5:  # noqa: PLR2004 - key/date/region/service/aws4_request
        return None
    return parts[0], parts[2], parts[3].lower()
