"""The statements of a script that an expression needs, as a file of their own. Nothing here runs them."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

NAME = "hypermodel"
"""Under which name the file has the value of the expression."""


@dataclass(frozen=True)
class Statement:
    """A statement at the top of a script, the names that it binds or changes, and those that it looks up."""

    node: ast.stmt
    bound: frozenset[str]
    used: frozenset[str]

    @classmethod
    def of(cls, node: ast.stmt) -> Statement:
        """Analyse a statement."""
        table = symtable.symtable(ast.unparse(node), "<statement>", "exec")
        bound = {one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported()}
        return cls(node, frozenset(bound | set(_changed(node))), frozenset(_looked_up(table)))


def statements(cells: Iterable[str]) -> list[ast.stmt]:
    """Return the statements at the top of a script, or of the cells of a notebook that are Python."""
    found: list[ast.stmt] = []
    for cell in cells:
        try:
            found += _flat(ast.parse(cell).body)
        except SyntaxError:
            continue
    return found


def code_for(expression: ast.expr, before: Sequence[ast.stmt]) -> str:
    """Return the statements that an expression needs, in their order, and the expression under `NAME`.

    A statement is needed that binds or changes a name which the expression, or another that is needed, looks
    up. Comments are left out.
    """
    wanted = {"annotations", *Statement.of(ast.Expr(expression)).used}  # from __future__
    left, chosen = [Statement.of(node) for node in before], set[int]()
    while found := {index for index, one in enumerate(left) if index not in chosen and one.bound & wanted}:
        chosen |= found
        wanted |= {name for index in found for name in left[index].used}
    code = [ast.unparse(left[index].node) for index in sorted(chosen)]
    return "\n\n".join([*code, f"{NAME} = {ast.unparse(expression)}\n"])


def call_at(body: Sequence[ast.stmt], place: Sequence[int | None] | None) -> ast.Call | None:
    """Find the call at a place, which is its first and last line, and its first and last column."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and place is not None:
                found = (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)
                if found == tuple(place):
                    return node
    return None


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Iterate over statements, with those inside `if __name__ == "__main__":` in its place."""
    for node in body:
        if isinstance(node, ast.If) and any(
            isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
        ):
            yield from _flat(node.body)
        else:
            yield node


def _looked_up(table: symtable.SymbolTable) -> Iterator[str]:
    """Iterate over the names that a piece of code looks up outside of its functions and classes."""
    for one in table.get_symbols():
        if one.is_referenced() and (table.get_type() == "module" or one.is_global()):
            yield one.get_name()
    for inner in table.get_children():
        yield from _looked_up(inner)


def _changed(node: ast.stmt) -> Iterator[str]:
    """Iterate over the names whose objects a statement changes: `a[0] = 1`, `a.b = 1`, `a.append(1)`."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        targets = [node.value.func]
    for target in targets:
        inner = target
        while isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
        if inner is not target and isinstance(inner, ast.Name):
            yield inner.id
