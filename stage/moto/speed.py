"""Makes moto and its clients faster: what they compute at each call, although it never changes, is computed once."""

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import cache, lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from botocore import useragent
from moto.core import responses
from moto.core.base_backend import BaseBackend
from moto.core.model import Shape
from moto.core.serialize import AttributePickerContext, BaseJSONSerializer, XFormedAttributePicker
from moto.core.utils import method_names_from_class
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.parsing import validators
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node  # type: ignore[attr-defined] # not typed
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined] # not typed

from stage.moto import botocore_files
from stage.moto.patch import replace


def install() -> None:
    """Replace the methods of moto that took most of the stage's processor time."""
    botocore_files.install()
    replace(responses, "method_names_from_class", cache(method_names_from_class))
    replace(XFormedAttributePicker, "get_possible_keys", _once_for_a_shape(XFormedAttributePicker.get_possible_keys))
    # moto works on a copy of a parsed UpdateExpression.
    replace(UpdateExpressionParser, "make", staticmethod(lru_cache(UpdateExpressionParser.make)))
    replace(validators, "deepcopy", _copied)
    for check, method in (
        (validators.ActionCountValidator, "verify_action_counts"),
        (validators.OverlappingPathsValidator, "check_for_overlapping_paths"),
    ):
        replace(check, method, _of_the_whole(getattr(check, method)))
    replace(DepthFirstTraverser, "nodes_to_be_processed", _once_for_a_class(DepthFirstTraverser.nodes_to_be_processed))
    replace(DepthFirstTraverser, "traverse_node_recursively", _traverse)
    replace(ConditionExpressionParser, "_lex_condition_expression", _tokens)
    replace(BaseJSONSerializer, "_serialize_type_structure", _as_it_is(BaseJSONSerializer._serialize_type_structure))
    replace(
        useragent, "sanitize_user_agent_string_component", lru_cache(useragent.sanitize_user_agent_string_component)
    )
    # For a service's addresses moto loads S3's module again.
    replace(BaseBackend, "urls", property(_once_for_a_class(vars(BaseBackend)["urls"].fget)))


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


_pickled: Callable[[Any], bytes] = lru_cache(pickle.dumps)


def _copied(value: Any) -> Any:
    """A deep copy; of a parsed expression, by `pickle`, which takes a tenth of the time."""
    return pickle.loads(_pickled(value)) if _is_a(type(value), Node) else deepcopy(value)  # noqa: S301 - pickled above


def _of_the_whole(check: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Check an UpdateExpression as a whole. moto also checks each of its parts, which lie in one another."""

    def answer(self: object, node: Any) -> Any:
        return node if node.parent else check(self, node)

    return answer


_is_a: Callable[[type, Any], bool] = cache(issubclass)
"""`issubclass` is slow for the abstract classes of moto's nodes."""


def _traverse(self: Any, node: Any) -> Any:
    """Let one check of an UpdateExpression see each node that it processes, the children before their parent."""
    enters = type(self).pre_processing_of_child is not DepthFirstTraverser.pre_processing_of_child
    return _visit(self, node, -1, self.nodes_to_be_processed(), enters)


def _visit(check: Any, node: Any, child_id: int, processed: tuple[type, ...], enters: bool) -> Any:
    parent = node.parent
    for position, child in enumerate(node.children or ()):
        if enters:
            check.pre_processing_of_child(node, position)
        if _is_a(type(child), Node):
            _visit(check, child, position, processed, enters)
    if _is_a(type(node), processed):
        node = check.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


def _tokens(self: Any) -> deque[Any]:
    """The tokens of a condition, which depend on its text alone. moto takes them out of the queue."""
    return deque(_tokens_of(self.condition_expression))


_lex = ConditionExpressionParser._lex_condition_expression


@lru_cache
def _tokens_of(condition: str) -> tuple[Any, ...]:
    return tuple(_lex(ConditionExpressionParser(condition, {}, {})))


def _as_it_is(serialize: Callable[..., None]) -> Callable[..., None]:
    """Answer a value of DynamoDB as moto keeps it, instead of looking for each of ten types in each of its values."""

    def answer(self: Any, serialized: Any, value: Any, shape: Shape, key: str) -> None:
        if shape.name == "AttributeValue" and (known := _value(value)) is not None:
            self._default_serialize(serialized, known, shape, key)
        else:
            serialize(self, serialized, value, shape, key)

    return answer


def _value(value: object) -> dict[str, Any] | None:
    """A copy of a value that is in JSON as moto keeps it: a string, number, boolean or null, or a map of these."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    if kind == "M" and isinstance(content, Mapping):
        members = {name: _value(member) for name, member in content.items()}
        return None if None in members.values() else {kind: members}
    return {kind: content} if (kind, type(content)) in _AS_IT_IS else None


_AS_IT_IS = {("S", str), ("N", str), ("BOOL", bool), ("NULL", bool)}
