"""Small changes to Python: to the text of one expression or statement, so that all other lines stay as they are."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from tests.mutants.mutant import Mutant

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
}
_BUILTINS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_WORDS = 0.15
"""The weight of a message's words: there are many, and most mistakes in them do no harm."""
_STATEMENTS = (ast.stmt, ast.excepthandler, ast.comprehension)
_NEGATED_ALREADY = (ast.Compare, ast.BoolOp, ast.Constant)


@dataclass(frozen=True)
class _Change:
    operator: str
    node: ast.AST
    """What is replaced."""
    by: str
    weight: float = 1.0
    says: str = ""
    """The description, where the replacement is too long to show."""


def mutants(path: str, text: str) -> Iterator[Mutant]:
    """Every change that the operators make to this source."""
    source = _Source(text)
    for node, statement in _nodes(ast.parse(text)):
        for change in _changes(node):
            before = " ".join(source.of(change.node).split())
            yield Mutant(
                area="python",
                path=path,
                line=change.node.lineno,  # type: ignore[attr-defined]  # every node that is replaced has one
                column=change.node.col_offset,  # type: ignore[attr-defined]
                lines=_lines(change.node, statement),
                operator=change.operator,
                change=change.says or f"{_short(before)}  =>  {_short(change.by)}",
                make=partial(source.with_change, change.node, change.by),
                weight=change.weight,
            )


class _Source:
    """A file's text by the places that `ast` gives, which count bytes."""

    def __init__(self, text: str) -> None:
        self._bytes = text.encode()
        self._tree = ast.dump(ast.parse(text))
        self._starts = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def of(self, node: ast.AST) -> str:
        begin, end = self._span(node)
        return self._bytes[begin:end].decode()

    def with_change(self, node: ast.AST, by: str) -> str | None:
        """The text with the node replaced; None where that is no Python or no change. Lines keep their numbers."""
        begin, end = self._span(node)
        lost = self._bytes[begin:end].count(b"\n")
        padding = "\n" * lost if isinstance(node, ast.stmt) else " \\\n" * lost
        changed = self._bytes[:begin] + f"{by}{padding}".encode() + self._bytes[end:]
        for candidate in (changed, self._bytes[:begin] + by.encode() + self._bytes[end:]):
            try:
                changed_tree = ast.dump(ast.parse(candidate))
            except SyntaxError:
                continue
            return candidate.decode() if changed_tree != self._tree else None
        return None

    def _span(self, node: ast.AST) -> tuple[int, int]:
        begin = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        end = self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return begin, end


def _nodes(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.AST | None]]:
    """Every node whose change may matter, with the function's statement that it is part of; None outside functions.

    Left out: annotations, docstrings, f-strings (Python 3.11 does not say where their parts are), imports, `__all__`.
    """
    pending: list[tuple[ast.AST, ast.AST | None, bool]] = [(tree, None, False)]
    while pending:
        node, statement, inside = pending.pop()
        if isinstance(node, _STATEMENTS):
            statement = node
        if not isinstance(node, ast.Module):
            yield node, statement if inside else None
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "type_comment", "ctx", "op", "ops"}:
                continue
            in_function = inside or (isinstance(node, ast.FunctionDef | ast.Lambda) and name == "body")
            children = value if isinstance(value, list) else [value]
            nodes = [child for child in children if isinstance(child, ast.AST) and not _left_out(child)]
            pending += [(child, statement, in_function) for child in nodes]


def _left_out(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.pattern():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
    return False


def _lines(node: ast.AST, statement: ast.AST | None) -> frozenset[int]:
    """The lines on which a change is noticed: of the node, and the first of its statement."""
    if statement is None:
        return frozenset()
    first: int = node.lineno  # type: ignore[attr-defined]
    last: int = first if isinstance(node, ast.excepthandler) else node.end_lineno  # type: ignore[attr-defined]
    return frozenset({*range(first, last + 1), getattr(statement, "lineno", first)})


def _changes(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp() | ast.BinOp():
            yield from _of_operator(node)
        case ast.Constant():
            yield from _of_constant(node)
        case ast.Call():
            yield from _of_call(node)
        case ast.Dict() | ast.Set() | ast.List(ctx=ast.Load()):
            yield from _of_display(node)
        case ast.Subscript(slice=ast.Slice()):
            yield _Change("drop-slice", node, _text(node.value))
        case ast.comprehension():
            for condition in node.ifs:
                yield _Change("drop-filter", condition, "True")
        case ast.stmt() | ast.excepthandler():
            yield from _of_statement(node)
    if isinstance(node, ast.If | ast.IfExp | ast.While) and not _is_negated(node.test):
        yield _Change("condition", node.test, f"(not {_text(node.test)})")


def _of_operator(node: ast.expr) -> Iterator[_Change]:
    match node:
        case ast.Compare(ops=[op]):
            for other in _COMPARISONS[type(op)]:
                yield _Change("cmp", node, _text(_with(node, ops=[other()])))
        case ast.BoolOp():
            swapped = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
            yield _Change("boolop", node, _text(_with(node, op=swapped)))
            for dropped in node.values:
                kept = [each for each in node.values if each is not dropped]
                yield _Change("drop-operand", node, _text(kept[0] if len(kept) == 1 else _with(node, values=kept)))
        case ast.UnaryOp(op=ast.Not()):
            yield _Change("not", node, _text(node.operand))
        case ast.BinOp(op=ast.BitOr()):
            yield _Change("drop-operand", node, _text(node.left))
            yield _Change("drop-operand", node, _text(node.right))
        case ast.BinOp() if type(node.op) in _ARITHMETIC and not (_is_text(node.left) or _is_text(node.right)):
            yield _Change("binop", node, _text(_with(node, op=_ARITHMETIC[type(node.op)]())))


def _of_statement(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Expr(value=ast.Call()):
            yield _Change("no-call", node, "pass")
        case ast.AugAssign():
            yield _Change("no-augassign", node, "pass")
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield _Change("return-none", node, "return None")
        case ast.Raise():
            yield _Change("no-raise", node, "pass")
        case ast.Delete():
            yield _Change("no-delete", node, "pass")
        case ast.ExceptHandler(type=ast.expr() as caught):
            yield _Change("no-except", caught, "()")


def _of_constant(node: ast.Constant) -> Iterator[_Change]:
    match node.value:
        case bool():
            yield _Change("const-bool", node, str(not node.value))
        case int():
            yield _Change("const+1", node, str(node.value + 1))
            yield _Change("const-1", node, f"({node.value - 1})")
        case float():
            yield _Change("const*2", node, str(node.value * 2))
        case str() if node.value:
            is_message = " " in node.value and not any(f" {word} " in node.value for word in ("AND", "OR"))
            yield _Change("const-str", node, repr(f"X{node.value}"), _WORDS if is_message else 0.5)
            for word in (" AND ", " OR "):
                parts = node.value.split(word)
                for part in parts if len(parts) > 1 else ():
                    kept = word.join(each for each in parts if each is not part)
                    yield _Change("drop-condition", node, repr(kept))


def _of_call(node: ast.Call) -> Iterator[_Change]:
    if isinstance(node.func, ast.Name) and node.func.id in _BUILTINS:
        yield _Change("builtin", node.func, _BUILTINS[node.func.id])
    for dropped in node.keywords:
        kept = [each for each in node.keywords if each is not dropped]
        says = f"drop {dropped.arg or '**'}={_short(_text(dropped.value))} of {_short(_text(node.func))}(...)"
        yield _Change("drop-kw", node, _text(_with(node, keywords=kept)), says=says)


def _of_display(node: ast.Dict | ast.Set | ast.List) -> Iterator[_Change]:
    if isinstance(node, ast.Dict):
        for dropped in range(len(node.values)):
            keys, values = ([e for n, e in enumerate(each) if n != dropped] for each in (node.keys, node.values))
            key = node.keys[dropped]
            says = f"skip {_text(key) if key else '**' + _text(node.values[dropped])} of {_short(_text(node))}"
            yield _Change("skip-key", node, _text(_with(node, keys=keys, values=values)), says=says)
        return
    for dropped in range(len(node.elts)):
        kept = [each for n, each in enumerate(node.elts) if n != dropped]
        by = "set()" if isinstance(node, ast.Set) and not kept else _text(_with(node, elts=kept))
        yield _Change("skip-element", node, by, says=f"skip {_text(node.elts[dropped])} of {_short(_text(node))}")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr | ast.List) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is_negated(node: ast.expr) -> bool:
    """Whether another operator turns this condition round already."""
    return isinstance(node, _NEGATED_ALREADY) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """A copy of the node with other fields."""
    return type(node)(**{**{name: getattr(node, name) for name in node._fields}, **fields})


def _text(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if isinstance(node, ast.Name | ast.Constant | ast.Call | ast.Dict | ast.List | ast.Set) else f"({text})"


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}..."
