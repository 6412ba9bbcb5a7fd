"""boto3 clients that reach moto inside the process, past the gateway.

The stage itself uses them, for example to deploy a stack. No hook sees these calls and they are not recorded.
"""

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from moto.core import responses
from moto.core.base_backend import BaseBackend
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.model import Shape
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.core.utils import method_names_from_class
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser  # type: ignore[attr-defined] # not typed
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined] # not typed

from stage.moto.patch import replace

ACCOUNT = "123456789012"
REGION = "us-east-1"


def _once_for_a_class(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Cache a method whose result is the same for all objects of a class."""
    answers: dict[type, Any] = {}

    def answer(self: object) -> Any:
        if type(self) not in answers:
            answers[type(self)] = method(self)
        return answers[type(self)]

    return answer


def _once_for_a_shape(get_possible_keys: Callable[..., Iterable[str]]) -> Callable[..., list[str]]:
    """Cache the names that a member of an answer may have: they follow from its shape and its owner's class."""
    names: WeakKeyDictionary[Shape, dict[tuple[type, str], list[str]]] = WeakKeyDictionary()

    def answer(picker: XFormedAttributePicker, context: AttributePickerContext) -> list[str]:
        known, member = names.setdefault(context.shape, {}), (type(context.obj), context.key)
        if member not in known:
            known[member] = list(get_possible_keys(picker, context))
        return known[member]

    return answer


# moto computes these again at each call, although they never change: the methods of a class; the names of an answer's
# members; a parsed UpdateExpression (moto works on a copy) and the nodes of it that each check visits; the addresses of
# a service, for which it loads S3's module again.
replace(responses, "method_names_from_class", cache(method_names_from_class))
replace(XFormedAttributePicker, "get_possible_keys", _once_for_a_shape(XFormedAttributePicker.get_possible_keys))
replace(UpdateExpressionParser, "make", staticmethod(lru_cache(UpdateExpressionParser.make)))
replace(DepthFirstTraverser, "nodes_to_be_processed", _once_for_a_class(DepthFirstTraverser.nodes_to_be_processed))
replace(BaseBackend, "urls", property(_once_for_a_class(vars(BaseBackend)["urls"].fget)))


class _Moto(BotocoreStubber):
    """Answers a client's requests from moto's backends and sends none to the network."""

    def __init__(self) -> None:
        super().__init__()
        self.enabled = True

    def __call__(self, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> AWSResponse:
        response = super().__call__(event_name, request, **kwargs)
        if response is None:
            raise NotImplementedError(f"moto has no answer for {request.url}")
        return response


_session = boto3.Session(aws_access_key_id="stage", aws_secret_access_key="stage", region_name=REGION)  # noqa: S106 - not checked


@cache
def client(service: Any) -> Any:
    """A client whose calls never leave this process. `service` is boto3's name."""
    made = _session.client(service, config=Config(ignore_configured_endpoint_urls=True))  # type: ignore[call-arg] # missing in the stubs
    made.meta.events.register("before-send", _Moto())
    return made
