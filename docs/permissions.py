"""The tables of docs/security.md: each statement of the template's policies, the comment above it is its reason."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
RESOURCE_POLICIES = {"AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"}


def roles() -> str:
    """For every function, the state machine and the rules: what its role allows, on what, and why."""
    sections = []
    for name, resource in _resources():
        rows = [_row(statement, when) for statement, when in _statements(_get(resource, "Properties", "Policies"))]
        if rows:
            head = ["| action | resource | condition | reason |", "|---|---|---|---|"]
            sections += [f"### {name}", _description(resource), *head, *rows, ""]
    return "\n".join(sections).strip()


def people() -> str:
    """The managed policies for people: what each allows, on what, and for what."""
    sections = []
    for name, resource in _resources():
        if _scalar(_get(resource, "Type")) == "AWS::IAM::ManagedPolicy":
            rows = [
                _row(each, when) for each, when in _guarded(_get(resource, "Properties", "PolicyDocument", "Statement"))
            ]
            head = ["| action | resource | condition | reason |", "|---|---|---|---|"]
            sections += [f"### {name}", _description(resource), *head, *rows, ""]
    return "\n".join(sections).strip()


def resource_policies() -> str:
    """What the bucket, the topic and the queue themselves allow or deny, and to whom."""
    rows = ["| policy | effect | principal | action | condition | reason |", "|---|---|---|---|---|---|"]
    for name, resource in _resources():
        kind = _get(resource, "Type")
        if kind and _scalar(kind) in RESOURCE_POLICIES:
            for statement, when in _guarded(_get(resource, "Properties", "PolicyDocument", "Statement")):
                cells = [_text(_get(statement, "Effect")), _text(_get(statement, "Principal"))]
                cells += [_text(_get(statement, "Action")), _text(_get(statement, "Condition")), _reason(statement)]
                rows.append(f"| {name} | {' | '.join(cells)}{when and f' ({when})'} |")
    return "\n".join(rows)


def _resources() -> Iterator[tuple[str, Node]]:
    yield from _pairs(_get(yaml.compose(TEMPLATE.read_text()), "Resources"))


def _statements(policies: Node | None) -> Iterator[tuple[Node, str]]:
    """Every statement of inline policies, and the condition of the template under which it is there."""
    for policy in _items(policies):
        document = _get(policy, "PolicyDocument") or policy
        yield from _guarded(_get(document, "Statement"))


def _guarded(statements: Node | None) -> Iterator[tuple[Node, str]]:
    for statement in _items(statements):
        if statement.tag == "!If":
            condition, guarded, _ = _items(statement)
            guarded.start_mark = statement.start_mark  # its reason is above the condition
            yield guarded, f"if {_text(condition)}"
        else:
            yield statement, ""


def _row(statement: Node, when: str) -> str:
    condition = _get(statement, "Condition")
    cells = [_text(_get(statement, "Action")), _text(_get(statement, "Resource"))]
    cells += [_text(condition) if condition else "", _reason(statement)]
    return f"| {' | '.join(cells)}{when and f' ({when})'} |"


def _reason(statement: Node) -> str:
    """The comment above a statement. Raises ValueError when there is none: every permission has a reason."""
    lines = TEMPLATE.read_text().splitlines()
    above = statement.start_mark.line - 1
    reason: list[str] = []
    while lines[above].lstrip().startswith("#"):
        reason.insert(0, lines[above].strip(" #"))
        above -= 1
    if not reason:
        raise ValueError(f"template.yaml, line {statement.start_mark.line + 1}: a statement without a reason above it")
    return " ".join(reason)


def _description(resource: Node) -> str:
    description = _get(resource, "Properties", "Description")
    return f"{_scalar(description)}\n" if description else ""


def _text(node: Node | None) -> str:
    """A node for a reader: ARNs without their beginning, intrinsic functions by their meaning."""
    if node is None:
        return ""
    if isinstance(node, ScalarNode):
        return f"`{_short(_scalar(node))}`"
    if node.tag == "!If":
        _, one, other = _items(node)
        return f"{_text(one)} or {_text(other)}"
    if node.tag in ("!Join", "!Split"):  # the delimiter says nothing
        return _text(_items(node)[1])
    if isinstance(node, SequenceNode):
        return ", ".join(map(_text, node.value))
    return "; ".join(f"{key}: {_text(value)}" for key, value in _pairs(node))


def _short(text: str) -> str:
    text = re.sub(r"arn:\$\{AWS::Partition\}:[\w-]+:\$\{AWS::Region\}:\$\{AWS::AccountId\}:", "", text)
    return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", text).removesuffix(".Arn")


def _get(node: Node | None, *path: str) -> Node | None:
    for name in path:
        node = dict(_pairs(node)).get(name)
    return node


def _pairs(node: Node | None) -> list[tuple[str, Node]]:
    return [(_scalar(key), value) for key, value in node.value] if isinstance(node, MappingNode) else []


def _items(node: Node | None) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else []


def _scalar(node: Node) -> str:
    return str(node.value)
