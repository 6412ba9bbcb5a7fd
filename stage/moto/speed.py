"""Makes moto and its clients faster: what they compute at each call, although it never changes, is computed once."""

import pickle
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import cache, lru_cache
from string import ascii_letters, digits
from typing import Any, cast
from weakref import WeakKeyDictionary

from botocore import useragent
from moto.core import responses
from moto.core.base_backend import BaseBackend
from moto.core.model import Shape
from moto.core.serialize import AttributePickerContext, BaseJSONSerializer, XFormedAttributePicker
from moto.core.utils import method_names_from_class
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import bytesize
from moto.dynamodb.parsing import validators
from moto.dynamodb.parsing.ast_nodes import (  # type: ignore[attr-defined] # not typed
    DepthFirstTraverser,
    Expression,
    Node,
    UpdateExpressionFunction,
)
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined] # not typed
from moto.moto_api._internal.moto_random import MotoRandom

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
    # These look at an UpdateExpression as a whole. moto also has them look at each of its parts.
    for check, method in (
        (validators.ActionCountValidator, "verify_action_counts"),
        (validators.OverlappingPathsValidator, "check_for_overlapping_paths"),
    ):
        replace(check, "traverse_node_recursively", getattr(check, method))
    replace(DepthFirstTraverser, "traverse_node_recursively", _traverse)
    replace(ConditionExpressionParser, "_lex_condition_expression", _tokens)
    replace(Node, "find_clauses", _clauses)
    replace(DynamoType, "__deepcopy__", lambda value, _memo: _copy_of(value))
    replace(Item, "__deepcopy__", lambda item, _memo: _copy_of_item(item))
    setattr(Table, "__deepcopy__", lambda table, _memo: _copy_of_table(table))  # noqa: B010 - it has none
    replace(DynamoType, "to_regular_json", _as_json)
    replace(DynamoType, "size", _size)
    replace(LimitedSizeDict, "__setitem__", _set_unless_too_large)
    replace(MotoRandom, "get_random_string", _random_string)
    replace(BaseJSONSerializer, "_serialize_type_structure", _as_it_is(BaseJSONSerializer._serialize_type_structure))
    replace(
        useragent, "sanitize_user_agent_string_component", lru_cache(useragent.sanitize_user_agent_string_component)
    )
    replace(useragent.UserAgentString, "to_string", _once_for_a_client(useragent.UserAgentString.to_string))
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


def _once_for_a_client(to_string: Callable[[Any], str]) -> Callable[[Any], str]:
    """Write a client's User-Agent once, not twice for each call: nothing reads what it says of the call."""

    def answer(self: Any) -> str:
        if not hasattr(self, "_written"):
            self._written = to_string(self)
        return str(self._written)

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
    return pickle.loads(_pickled(value)) if _NODES[type(value)] else deepcopy(value)  # noqa: S301 - pickled above


class _Kinds(dict[type, bool]):
    """By the type of a node, whether it is one of these: `issubclass` is slow for moto's abstract classes."""

    def __init__(self, *kinds: type) -> None:
        self._kinds = kinds

    def __missing__(self, kind: type) -> bool:
        return self.setdefault(kind, issubclass(kind, self._kinds))


_NODES, _WITH_CLAUSES = _Kinds(Node), _Kinds(Expression, UpdateExpressionFunction)
_PROCESSED: dict[type, _Kinds] = {}


def _traverse(self: Any, node: Any) -> Any:
    """Let one check of an UpdateExpression see each node that it processes, the children before their parent."""
    check = type(self)
    if check not in _PROCESSED:
        _PROCESSED[check] = _Kinds(*self.nodes_to_be_processed())
    enters = check.pre_processing_of_child is not DepthFirstTraverser.pre_processing_of_child
    return _visit(self, node, -1, _PROCESSED[check], enters)


def _visit(check: Any, node: Any, child_id: int, processed: _Kinds, enters: bool) -> Any:
    parent = node.parent
    for position, child in enumerate(node.children or ()):
        if enters:
            check.pre_processing_of_child(node, position)
        if _NODES[type(child)]:
            _visit(check, child, position, processed, enters)
    if processed[type(node)]:
        node = check.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


def _clauses(self: Any, kinds: Iterable[type]) -> list[Any]:
    """All nodes of these kinds below a node."""
    found: list[Any] = []
    for child in self.children or ():
        if type(child) in kinds:
            found.append(child)
        elif _WITH_CLAUSES[type(child)]:
            found += _clauses(child, kinds)
    return found


def _copy_of(value: DynamoType) -> DynamoType:
    """A deep copy of a value, which holds no other objects than these. moto asks `deepcopy` for each of them."""
    copied = DynamoType.__new__(DynamoType)
    copied.type, content = value.type, value.value
    if type(content) is dict:
        content = {name: _copy_of(each) for name, each in content.items()}
    elif type(content) is list:
        content = [_copy_of(each) if type(each) is DynamoType else each for each in content]
    copied.value = content
    return copied


def _copy_of_item(item: Item) -> Item:
    copied: Any = object.__new__(Item)  # moto keeps whatever its own way makes
    copied.hash_key = _copy_of(item.hash_key)
    copied.range_key = item.range_key and _copy_of(item.range_key)
    copied.attrs = _same_attributes({name: _copy_of(value) for name, value in item.attrs.items()}, item.attrs)
    return cast(Item, copied)


def _same_attributes(attributes: Mapping[str, DynamoType], of: Any) -> LimitedSizeDict:
    made: Any = LimitedSizeDict()
    dict.update(made, attributes)
    made.weighed = getattr(of, "weighed", _LARGE)
    return cast(LimitedSizeDict, made)


def _copy_of_table(table: Table) -> Table:
    """A copy of a table for the time of a transaction, which changes nothing but items."""
    copied: Table = object.__new__(type(table))
    vars(copied).update(vars(table), items=deepcopy(table.items))
    return copied


def _as_json(self: DynamoType) -> dict[str, Any]:
    """A value as DynamoDB answers it. moto copies each part of it once for each value that it lies in."""
    value = self.value
    if type(value) is dict:
        return {self.type: {name: _as_json(each) for name, each in value.items()}}
    if type(value) is list:
        return {self.type: [_as_json(each) if type(each) is DynamoType else each for each in value]}
    return {self.type: b64decode(value) if self.is_binary() and isinstance(value, str) else value}


def _size(self: DynamoType) -> int:
    """The bytes of a value. moto makes each part of it once more to ask for its size."""
    value = self.value
    if type(value) is dict:
        return sum(bytesize(name) + each.size() for name, each in value.items())
    if self.is_set():
        return sum(DynamoType({self.type[0]: each}).size() for each in value)
    if self.is_list():
        return sum(each.size() for each in value)
    if self.is_number():
        return len(str(value))
    return 1 if isinstance(value, bool) else bytesize(value)


def _set_unless_too_large(self: Any, name: str, value: Any) -> None:
    """Set an attribute of an item. moto weighs the whole item for each; here a small one only gains its new part."""
    weighed = getattr(self, "weighed", 0) + bytesize(name) + _weight(value)
    if weighed > _LARGE:
        weighed = sum(map(_weight, (*self, *self.values(), name, value)))
        if weighed > _TOO_LARGE:
            raise ItemSizeTooLarge
    self.weighed = weighed
    dict.__setitem__(self, name, value)


def _weight(value: Any) -> int:
    return value.size() if type(value) is DynamoType else bytesize(str(value))


_LARGE, _TOO_LARGE = 200_000, 405_000
"""Bytes: from where an item is weighed as a whole, and moto's limit."""


def _random_string(self: MotoRandom, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    pool = ascii_letters + digits if include_digits else ascii_letters
    drawn = "".join(self.choices(pool, k=length))
    return drawn.lower() if lower_case else drawn


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
