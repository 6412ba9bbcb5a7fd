"""Small changes to the SAM template: rights widened or dropped, numbers, switches and names changed, fields dropped."""

import copy
from collections.abc import Iterator
from functools import partial

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tests.mutants.mutant import Mutant

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SECTIONS = ("Parameters", "Conditions", "Globals", "Resources", "Outputs")
# Text for people, and members that are not changed by mistake.
_UNCHANGED = {
    *("Description", "ConstraintDescription", "AlarmDescription", "Metadata", "Sid", "Id", "Type", "Version"),
    *("Export", "DefinitionSubstitutions", "AttributeDefinitions", "KeySchema"),
}
_KEPT = {"Properties", "Statement", "PolicyDocument", "Parameters", "Value", "Function", "Variables"}
"""Fields that hold all the others: what is dropped is one of those."""

LONGEST = 90
"""Characters of a value in the report."""

Place = tuple[int, ...]
"""The way through a node's children: a pair of a mapping counts as one."""


def mutants(path: str, text: str) -> Iterator[Mutant]:
    """Every change to a template."""
    root = yaml.compose(text, Loader=_LOADER)
    assert root is not None
    for place, names, node in _nodes(root, (), ()):
        if not names or names[0] not in _SECTIONS or len(names) < 2:
            continue
        for operator, value in _changes(names, node):
            yield Mutant(
                area="template",
                path=path,
                line=node.start_mark.line + 1,
                column=node.start_mark.column,
                operator=operator,
                change=f"{'.'.join(names[1:])}: {_said(text, node)} {'dropped' if value is None else f'-> {value}'}",
                make=partial(_changed, root, place, value),
                # Rights hurt most where they are wrong.
                weight=2.0 if operator.startswith("widen") else 1.0,
            )


def _nodes(node: Node, place: Place, names: tuple[str, ...]) -> Iterator[tuple[Place, tuple[str, ...], Node]]:
    if place:
        yield place, names, node
    if isinstance(node, MappingNode):
        for number, (key, value) in enumerate(node.value):
            if str(key.value) not in _UNCHANGED:
                yield from _nodes(value, (*place, number), (*names, str(key.value)))
    elif isinstance(node, SequenceNode):
        for number, value in enumerate(node.value):
            yield from _nodes(value, (*place, number), (*names[:-1], f"{names[-1]}[{number}]"))


def _changes(names: tuple[str, ...], node: Node) -> Iterator[tuple[str, str | None]]:
    field = names[-1].partition("[")[0]
    is_item = names[-1].endswith("]")
    if field == "Action" and isinstance(node, ScalarNode):
        yield "widen-action", f"{node.value.partition(':')[0]}:*"
    if field == "Resource" and not is_item and node.value != "*":
        yield "widen-resource", "*"
    if isinstance(node, ScalarNode) and field not in {"Action", "Resource"}:
        yield from _of_scalar(node)
    # An element of an intrinsic function's list is no field, and without one there would be no template.
    depends_on_place = is_item and not node.tag.startswith("!") and field in {"If", "Equals", "Join"}
    if len(names) > 2 and field not in _KEPT and not depends_on_place:
        yield "drop", None


def _of_scalar(node: ScalarNode) -> Iterator[tuple[str, str]]:
    match node.tag.rpartition(":")[2]:
        case "bool":
            yield "const-bool", "false" if node.value == "true" else "true"
        case "int" | "float":
            yield "number", str(int(node.value) * 2 + 1)
            yield "number", str(int(node.value) - 1)
        case _:
            yield "const-str", f"{node.value}X"


def _said(text: str, node: Node) -> str:
    """A node as it is in the file, in one line."""
    said = " ".join(text[node.start_mark.index : node.end_mark.index].split())
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."


def _changed(root: Node, place: Place, value: str | None) -> str:
    changed = copy.deepcopy(root)
    *way, last = place
    owner = changed
    for number in way:
        owner = owner.value[number][1] if isinstance(owner, MappingNode) else owner.value[number]
    if value is None:
        del owner.value[last]
    elif isinstance(owner, MappingNode):
        owner.value[last] = (owner.value[last][0], _scalar(owner.value[last][1], value))
    else:
        owner.value[last] = _scalar(owner.value[last], value)
    return str(yaml.serialize(changed, width=100_000))


def _scalar(node: Node, value: str) -> ScalarNode:
    """A scalar in place of the node, of its kind where it is a scalar too."""
    if isinstance(node, ScalarNode) and value != "*":
        return ScalarNode(node.tag, value, style=node.style)
    return ScalarNode("tag:yaml.org,2002:str", value, style='"')
