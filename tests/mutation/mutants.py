"""The small changes that a test should notice: every mutant of a module, in a stable order with a stable name.

A mutant's name says the module, the function and the change itself (`low <= x` becomes `low < x`), never a line
number, so that moving code does not rename it. Annotations, docstrings and texts are left alone.
"""

import ast
import builtins
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The scope of a change that is made when the module is imported (constants, decorators, defaults).
MODULE_LEVEL = "module"

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NAMES = {
    "min": "max",
    "max": "min",
    "all": "any",
    "any": "all",
    "ceil": "floor",
    "floor": "ceil",
    "ROUND_DOWN": "ROUND_UP",
    "ROUND_UP": "ROUND_DOWN",
    "ROUND_FLOOR": "ROUND_CEILING",
    "ROUND_CEILING": "ROUND_FLOOR",
}


@dataclass(frozen=True)
class Mutant:
    """One change. `apply` edits the tree in place; the process that does so compiles it and throws it away."""

    module: str
    function: str
    change: str
    apply: Callable[[], None]

    @property
    def key(self) -> tuple[str, str, str]:
        """What the list of justified survivors knows it by."""
        return (self.module, self.function, self.change)


@dataclass(frozen=True)
class Source:
    """A module to be mutated: its path below the project, its dotted name, and its tree."""

    path: Path
    module: str
    tree: ast.Module
    mutants: tuple[Mutant, ...]


def read(path: Path) -> Source:
    """The module at `path` and every mutant of it."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    seen: Counter[tuple[str, str]] = Counter()
    mutants = []
    for function, change, apply in _Walk().module(tree):
        seen[function, change] += 1
        count = seen[function, change]
        mutants.append(Mutant(module, function, change if count == 1 else f"{change} (no. {count})", apply))
    return Source(path, module, tree, tuple(mutants))


_Change = tuple[str, str, Callable[[], None]]


class _Walk:
    """Goes through a tree once; `scope` is the outermost function's qualified name, as in `co_qualname`."""

    def __init__(self) -> None:
        self.scope = MODULE_LEVEL
        self.prefix = ""

    def module(self, tree: ast.Module) -> Iterator[_Change]:
        yield from self._block(tree)

    def _block(self, node: ast.AST) -> Iterator[_Change]:
        for field, value in ast.iter_fields(node):
            if field in {"annotation", "returns", "type_params", "decorator_list"}:
                continue
            if isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.AST):
                        yield from self._visit(item, _setter(value, index), node)
            elif isinstance(value, ast.AST):
                yield from self._visit(value, _attribute_setter(node, field), node)

    def _visit(self, node: ast.AST, put: Callable[[ast.AST], None], parent: ast.AST) -> Iterator[_Change]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from self._decorators(node)
            outer, outermost = self.scope, self.scope == MODULE_LEVEL
            yield from self._block(node.args)
            if outermost:
                self.scope = self.prefix + node.name
            for index, item in enumerate(node.body):
                yield from self._visit(item, _setter(node.body, index), node)
            self.scope = outer
            return
        if isinstance(node, ast.ClassDef):
            before, self.prefix = self.prefix, f"{self.prefix}{node.name}."
            yield from self._block(node)
            self.prefix = before
            return
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        for change, new in replacements(node, parent):
            yield self.scope, change, _action(put, new)
        yield from self._block(node)

    def _decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[_Change]:
        """What a rule's decorator says beyond its code (effect, scope, kinds), left out piece by piece."""
        for index, call in enumerate(node.decorator_list):
            if not isinstance(call, ast.Call):
                continue
            put = _setter(node.decorator_list, index)
            for gone in call.args[1:]:
                rest = ast.Call(call.func, [arg for arg in call.args if arg is not gone], call.keywords)
                yield MODULE_LEVEL, f"@{node.name}: without {ast.unparse(gone)}", _action(put, rest)
            for word in call.keywords:
                rest = ast.Call(call.func, call.args, [one for one in call.keywords if one is not word])
                yield MODULE_LEVEL, f"@{node.name}: without {word.arg}={ast.unparse(word.value)}", _action(put, rest)


def _setter(items: list[ast.AST], index: int) -> Callable[[ast.AST], None]:
    def put(new: ast.AST) -> None:
        items[index] = ast.copy_location(new, items[index])

    return put


def _attribute_setter(node: ast.AST, field: str) -> Callable[[ast.AST], None]:
    def put(new: ast.AST) -> None:
        setattr(node, field, ast.copy_location(new, getattr(node, field)))

    return put


def _action(put: Callable[[ast.AST], None], new: ast.AST) -> Callable[[], None]:
    return lambda: put(new)


def _becomes(node: ast.AST, new: ast.AST) -> tuple[str, ast.AST]:
    return f"`{ast.unparse(node)}` becomes `{ast.unparse(ast.fix_missing_locations(new))}`", new


def replacements(node: ast.AST, parent: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every change of this one node: its description and the node that takes its place."""
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                changed = [*node.ops[:index], _COMPARE[type(operator)](), *node.ops[index + 1 :]]
                yield _becomes(node, ast.Compare(node.left, changed, node.comparators))
        case ast.BinOp() if type(node.op) in _ARITHMETIC and not (_text(node.left) or _text(node.right)):
            yield _becomes(node, ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right))
        case ast.BoolOp():
            yield _becomes(node, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield _becomes(node, node.operand)
        case ast.IfExp():
            yield _becomes(node, ast.IfExp(node.test, node.orelse, node.body))
        case ast.Call(func=ast.Name(id="abs"), args=[inner]):
            yield _becomes(node, inner)
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str(text))]) if _number(text):
            yield _becomes(node, ast.Call(node.func, [ast.Constant(str(Decimal(text) + 1))], []))
        case ast.Name(id=name, ctx=ast.Load()) if name in _NAMES and _function_or_mode(node, parent):
            yield f"`{name}` becomes `{_NAMES[name]}` in `{_short(parent)}`", _known(_NAMES[name])
        case ast.Constant(value=bool(value)):
            yield f"`{value}` becomes `{not value}` in `{_short(parent)}`", ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield f"`{value}` becomes `{value + 1}` in `{_short(parent)}`", ast.Constant(value + 1)
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield f"`{_short(node)}` returns None", ast.Return(ast.Constant(None))
        case ast.If(test=test) if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield (
                f"`if {_short(test)}` becomes `if not`",
                ast.If(ast.UnaryOp(ast.Not(), test), node.body, node.orelse),
            )
        case ast.Raise() | ast.Continue() | ast.AugAssign():
            yield f"`{_short(node)}` is dropped", ast.Pass()
        case ast.Expr(value=value) if not isinstance(value, ast.Constant):
            yield f"`{_short(node)}` is dropped", ast.Pass()


def _function_or_mode(node: ast.Name, parent: ast.AST) -> bool:
    """Not a variable that happens to be called like a function."""
    return node.id.startswith("ROUND_") or (isinstance(parent, ast.Call) and parent.func is node)


def _known(name: str) -> ast.expr:
    """A name that need not be imported where the mutant runs."""
    if hasattr(builtins, name):
        return ast.Name(name, ast.Load())
    origin = ast.Call(ast.Name("__import__", ast.Load()), [ast.Constant("decimal" if name[0] == "R" else "math")], [])
    return ast.Attribute(origin, name, ast.Load())


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def _text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
