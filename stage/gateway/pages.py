"""Cuts every list into pages, with tokens as AWS has them: valid for the same request only, absent from the last page.

botocore's models say which operations list, and by which members; moto pages few of them. DynamoDB and S3 page by
themselves, and only get a smaller limit.
"""

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import ListShape, StructureShape
from moto.core.model import OperationModel
from moto.core.request import Request, determine_request_protocol

from stage.gateway.calls import Call, Reply
from stage.moto.clients import client
from stage.settings import Settings

DEFAULT = 100
# The API references' default sizes that are not 100.
DEFAULTS: Mapping[tuple[str, str], int] = {
    ("cloudtrail", "LookupEvents"): 50,
    ("ecs", "ListServices"): 10,
    ("ecs", "ListServicesByNamespace"): 10,
    ("ecs", "ListServiceDeployments"): 20,
    ("lambda", "ListFunctions"): 50,
    ("lambda", "ListLayers"): 50,
    ("resourcegroupstaggingapi", "GetResources"): 50,
}
# The names of the tokens in a request and its answer, and of the limit.
TOKENS = (
    ("NextToken", "NextToken"),
    ("nextToken", "nextToken"),
    ("PaginationToken", "PaginationToken"),
    ("Marker", "NextMarker"),
    ("Marker", "Marker"),
)
LIMITS = ("Limit", "limit", "MaxResults", "maxResults", "MaxItems", "ResourcesPerPage")
ALL = 1_000_000
# The limits of operations whose answers moto pages as AWS does.
PAGE_THEMSELVES: Mapping[tuple[str, str], str] = {
    ("dynamodb", "Query"): "Limit",
    ("dynamodb", "Scan"): "Limit",
    ("logs", "DescribeLogGroups"): "limit",
    ("logs", "DescribeLogStreams"): "limit",
    ("logs", "FilterLogEvents"): "limit",
    ("s3", "ListObjectsV2"): "max-keys",
    ("s3", "ListObjectVersions"): "max-keys",
}
# The stage itself answers these, with `one_page`.
ANSWERED_BY_THE_STAGE = {
    ("resourcegroupstaggingapi", "GetResources"),
    ("scheduler", "ListSchedules"),
    ("scheduler", "ListScheduleGroups"),
}
# How services refuse a token that they did not give for this request, where it is not ValidationException.
REFUSED: Mapping[str, tuple[str, str]] = {
    "cloudformation": ("ValidationError", "The specified NextToken is invalid."),
    "ecr": ("InvalidParameterException", "Invalid parameter at 'nextToken' failed to satisfy constraint."),
    "ecs": ("InvalidParameterException", "Invalid token"),
    "lambda": ("InvalidParameterValueException", "Invalid Marker."),
    "logs": ("InvalidParameterException", "The specified nextToken is invalid."),
    "resourcegroupstaggingapi": ("PaginationTokenExpiredException", "The PaginationToken has expired."),
    "stepfunctions": ("InvalidToken", "Invalid Token: 'Invalid token'"),
}
# What names an entry of a list: the next page begins behind it.
NAMES = ("Id", "id", "eventId", "EventId", "ResourceARN", "executionArn", "Arn", "arn", "name", "Name")


@dataclass(frozen=True)
class Lists:
    """By which members an operation lists."""

    input_token: str
    output_token: str
    limit: str | None
    entries: str


@dataclass(frozen=True)
class Page:
    """The page that a call asks for."""

    lists: Lists
    size: int
    token: str
    request: dict[str, Any]
    """The request without token and limit."""


class TokenError(ValueError):
    """The token was not given for this request."""


class Pages:
    """A hook that asks for whole lists and answers with one page. It comes after all that refuses calls."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def before(self, call: Call) -> Reply | None:
        """Ask moto for the whole list; in the protocols other than JSON, answer with the page at once."""
        if call.key in PAGE_THEMSELVES:
            self._lower_limit(call)
            return None
        lists = lists_of(call.model) if call.model else None
        if call.model is None or lists is None:
            return None
        request = dict(call.params)
        size = request.pop(lists.limit or "", None) or DEFAULTS.get(call.key, DEFAULT)
        token = request.pop(lists.input_token, None) or ""
        page = Page(lists, min(int(size), self._settings.page_size or ALL), token, request)
        if call.key in ANSWERED_BY_THE_STAGE:
            call.page = page
            return None
        if not _in_json(call):
            return _answer(call, page)
        call.page = page
        _replace(call, request | ({lists.limit: ALL} if lists.limit else {}))
        return None

    def after(self, call: Call, reply: Reply) -> Reply | None:
        """Cut a JSON reply. Where moto knows no such token of CloudWatch Logs, its list is empty; a log itself may have
        pages without an event.
        """
        listing = call.service == "logs" and call.operation != "GetLogEvents"
        if listing and call.params.get("nextToken") and reply.ok and [] in reply.data.values():
            return _refuse(call)
        if call.page is None or call.key in ANSWERED_BY_THE_STAGE or not _in_json(call) or not reply.ok:
            return None
        try:
            return Reply.as_sent(_cut(reply.data, call.page))
        except TokenError:
            return _refuse(call)

    def _lower_limit(self, call: Call) -> None:
        size, limit = self._settings.page_size, PAGE_THEMSELVES.get(call.key)
        if size is None or limit is None:
            return
        if call.service == "s3":
            given = {**call.request.args, limit: str(min(size, int(call.request.args.get(limit, ALL))))}
            call.request = Request({**call.request.environ, "QUERY_STRING": urlencode(given)})
        else:
            _replace(call, {**call.params, limit: min(size, call.params.get(limit, ALL))})


def lists_of(model: OperationModel) -> Lists | None:
    """How an operation lists; None if it does not, or not with one token and one list."""
    given, answered = model.input_shape, model.output_shape
    if not isinstance(given, StructureShape) or not isinstance(answered, StructureShape):
        return None
    tokens = [(name, answer) for name, answer in TOKENS if name in given.members and answer in answered.members]
    entries = [name for name, shape in answered.members.items() if isinstance(shape, ListShape)]
    limit = next((name for name in LIMITS if name in given.members), None)
    return Lists(*tokens[0], limit, entries[0]) if tokens and len(entries) == 1 else None


def _answer(call: Call, page: Page) -> Reply:
    """A page of a list in XML, or of REST."""
    try:
        whole = getattr(client(call.service), xform_name(call.operation))(**page.request)
    except ClientError as refused:
        error = refused.response["Error"]
        status = refused.response["ResponseMetadata"]["HTTPStatusCode"]
        return Reply.refusal(call, error["Code"], error["Message"], status)
    whole.pop("ResponseMetadata")
    call.page = page
    return one_page(call, whole)


def one_page(call: Call, whole: dict[str, Any]) -> Reply:
    """The page that the call asks for, in its protocol."""
    try:
        return Reply.result(call, _cut(whole, call.page) if call.page else whole)
    except TokenError:
        return _refuse(call)


def _in_json(call: Call) -> bool:
    model = call.model
    return model is not None and determine_request_protocol(model.service_model, call.request.content_type) == "json"


def _cut(whole: dict[str, Any], page: Page) -> dict[str, Any]:
    entries = whole.get(page.lists.entries) or []
    begin = _begin(entries, page)
    cut = entries[begin : begin + page.size]
    answer = {**whole, page.lists.entries: cut} if page.lists.entries in whole else whole
    token, more = answer.pop(page.lists.output_token, None), begin + page.size < len(entries)
    if "IsTruncated" in answer:  # IAM's
        answer["IsTruncated"] = more
    if more:
        answer[page.lists.output_token] = _token(page, begin + page.size, cut[-1])
    elif token == "":  # the tagging API's answer has the member always
        answer[page.lists.output_token] = ""
    return answer


def _begin(entries: list[Any], page: Page) -> int:
    """Behind the last entry of the page before, wherever that is now. Raises TokenError."""
    if not page.token:
        return 0
    try:
        asked, begin, last = json.loads(base64.urlsafe_b64decode(page.token))
    except ValueError as unknown:
        raise TokenError from unknown
    if asked != _fingerprint(page):
        raise TokenError
    found = [number for number, entry in enumerate(entries, 1) if last is not None and _name(entry) == last]
    return found[0] if found else int(begin)


def _token(page: Page, begin: int, last: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([_fingerprint(page), begin, _name(last)]).encode()).decode()


def _fingerprint(page: Page) -> str:
    return json.dumps(page.request, sort_keys=True, default=str)


def _name(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    return next((entry[name] for name in NAMES if name in entry), None)


def _refuse(call: Call) -> Reply:
    code, words = REFUSED.get(call.service, ("ValidationException", "The token is not valid."))
    return Reply.refusal(call, code, words)


def _replace(call: Call, request: dict[str, Any]) -> None:
    """Let the later hooks and moto see another request."""
    body = json.dumps(request).encode()
    call.request = Request({**call.request.environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    call.request.get_data()  # is kept then: hooks read the body more than once
    del call.params  # read again from the request
