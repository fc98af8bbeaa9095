"""What code a node is made of: its function, and every module of this package that it reaches.

Code is compared by its syntax tree, so comments, docstrings and layout change nothing.
"""

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_PACKAGE = __package__ or "cosmop"
_NOT_BESIDE = {".py", ".pyc", ".md"}  # code is compared by its tree, prose not at all


def code_of(function: Callable[..., Any]) -> dict[str, str]:
    """Return a checksum for each piece of code that `function` consists of.

    Pieces are the function, the definitions of its own module that it uses
    (``module:definition``), the modules that those import anywhere, and theirs (``module``), each
    with the templates and other files beside it (``module:file``). Only modules of this package
    count: a library's new version is a new environment, not a change of the study.

    Returns:
        SHA-256 (hex) by name.
    """
    home = function.__module__
    if home.split(".")[0] != _PACKAGE:
        return {f"{home}:{function.__qualname__}": ""}
    definitions = _used_definitions(home, function.__name__)
    pieces = {f"{home}:{name}": _checksum([node]) for name, node in definitions.items()}
    imported = _imports_of_definitions(home, definitions)
    for module in sorted(_reached(imported)):
        pieces |= _pieces_of(module)
    return pieces


def _used_definitions(module: str, name: str) -> dict[str, ast.stmt]:
    """Return the definition `name` of `module`, and those of the same module that it needs."""
    known = _definitions(module)
    found: dict[str, ast.stmt] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in known and current not in found:
            found[current] = known[current]
            waiting.extend(_names(known[current]))
    return found


def _imports_of_definitions(module: str, definitions: dict[str, ast.stmt]) -> set[str]:
    """Return what the definitions import themselves, or use of what the module imports."""
    names = {name for node in definitions.values() for name in _names(node)}
    found = {name for node in definitions.values() for name in _imports(node)}
    for statement in _tree(module).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found |= {
                target
                for alias in statement.names
                if (alias.asname or alias.name.split(".")[0]) in names
                for target in _targets(statement, alias)
            }
    return found


def _reached(modules: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(_imported_by(module))
    return found


@cache
def _imported_by(module: str) -> frozenset[str]:
    return frozenset(_imports(_tree(module)))


@cache
def _pieces_of(module: str) -> dict[str, str]:
    """Return the checksums of a module and of the files beside it that are no code."""
    pieces = {module: _checksum(_tree(module).body)}
    source = _source(module)
    for path in sorted(source.parent.iterdir()):
        if path.is_file() and path.suffix not in _NOT_BESIDE:
            name = f"{module.rpartition('.')[0]}:{path.name}"
            pieces[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return pieces


@cache
def _definitions(module: str) -> dict[str, ast.stmt]:
    """Return the functions, classes and constants of a module by name."""
    found: dict[str, ast.stmt] = {}
    for statement in _tree(module).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[statement.name] = statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            found |= dict.fromkeys(names, statement)
    return found


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _imports(tree: ast.AST) -> set[str]:
    return {
        target
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        for target in _targets(node, alias)
    }


def _targets(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> Iterator[str]:
    """Yield the modules of this package that one imported name stands for."""
    wanted = alias.name
    if isinstance(statement, ast.ImportFrom):
        wanted = f"{statement.module}.{alias.name}"
    if wanted.split(".")[0] == _PACKAGE:
        module = wanted if _origin(wanted) else wanted.rpartition(".")[0]
        if module != _PACKAGE:  # its version is no code
            yield module


@cache
def _origin(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # the part before the last dot is a module, not a package
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin)


def _source(module: str) -> Path:
    origin = _origin(module)
    if origin is None:
        raise ModuleNotFoundError(f"The code of {module} must lie in a file, but none was found.")
    return origin


@cache
def _tree(module: str) -> ast.Module:
    tree = ast.parse(_source(module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            body[:] = body[1:] or [ast.Pass()]
    return tree


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _checksum(nodes: Iterable[ast.AST]) -> str:
    text = "\n".join(ast.dump(node) for node in nodes)
    return hashlib.sha256(text.encode()).hexdigest()
