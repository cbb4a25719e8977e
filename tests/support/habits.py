"""The habits that ast can see, each a function from a module's tree to the lines that break it."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400

CLOCKS = {
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
# Names under which something other than an appointment carries a `status` of its own.
OTHER_STATUSES = {"delivery", "poll", "resp", "response"}

Rule = Callable[[ast.Module], Iterator[int]]


@dataclass(frozen=True)
class Module:
    """One Python file of the project."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def breaks(self, rule: Rule) -> list[str]:
        """``file:line`` of every place that breaks the rule."""
        return [f"{self.name}:{line}" for line in sorted(set(rule(ast.parse(self.text, self.name))))]


def modules(folder: str, *, but: str = "") -> list[Module]:
    """The module, or every module below the folder, other than the one that is the place for the thing."""
    start = ROOT / folder
    found = [Module(path) for path in ([start] if start.is_file() else sorted(start.rglob("*.py")))]
    return [module for module in found if module.name != but]


def reads_a_clock(tree: ast.Module) -> Iterator[int]:
    """Uses of the system's clock; passing the function on counts as much as calling it."""
    return _uses(tree, CLOCKS)


def reads_the_environment(tree: ast.Module) -> Iterator[int]:
    return _uses(tree, ENVIRONMENT)


def imports(*packages: str) -> Rule:
    """The rule that none of these packages, nor anything in them, is imported."""

    def rule(tree: ast.Module) -> Iterator[int]:
        for node in ast.walk(tree):
            for name in _imported(node):
                if any(name == package or name.startswith(f"{package}.") for package in packages):
                    yield node.lineno  # type: ignore[attr-defined]

    return rule


def assigns_a_status(tree: ast.Module) -> Iterator[int]:
    """An appointment's status set at its making, by attribute, by ``setattr``, or in an UPDATE."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets):
                yield from (target.lineno for target in targets if _is_a_status(target))
            case ast.AnnAssign(target=target, value=value) if value is not None and _is_a_status(target):
                yield target.lineno
            case ast.Call(func=ast.Name(id="Appointment"), keywords=keywords):
                yield from (keyword.value.lineno for keyword in keywords if keyword.arg == "status")
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value="status"), *_]):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr="values" | "update")) if _updates_a_status(node):
                yield node.lineno


def _is_a_status(target: ast.expr) -> bool:
    match target:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return any(map(_is_a_status, elements))
        case ast.Attribute(attr="status", value=ast.Name(id=owner)):
            return owner not in OTHER_STATUSES
        case ast.Attribute(attr="status", value=ast.Attribute(attr=owner)):
            return owner not in OTHER_STATUSES
        case ast.Attribute(attr="status"):
            return True
    return False


def _updates_a_status(call: ast.Call) -> bool:
    table = _table_updated(call)
    if table is None or (table and "appointment" not in table.lower()):
        return False
    keywords = {keyword.arg for keyword in call.keywords}
    keys = [key for argument in call.args if isinstance(argument, ast.Dict) for key in argument.keys]
    return "status" in keywords or any(map(_names_the_status, keys))


def _names_the_status(key: ast.expr | None) -> bool:
    match key:
        case ast.Constant(value="status"):
            return True
        case ast.Attribute(attr="status", value=ast.Name(id=owner)):
            return "appointment" in owner.lower()
    return False


def _table_updated(call: ast.Call) -> str | None:
    """What ``update(X)…values()`` or ``query(X)…update()`` writes to; "" if unknown, None if neither."""
    start: ast.expr = call.func
    while True:
        match start:
            case (
                ast.Call(func=ast.Name(id="update"), args=[table, *_])
                | ast.Call(func=ast.Attribute(attr="update" | "query"), args=[table, *_])
            ) if start is not call and not isinstance(table, ast.Dict):
                return ast.unparse(table)
            case (
                ast.Call(func=ast.Name(id="insert" | "pg_insert"))
                | ast.Call(func=ast.Attribute(attr="insert"))
            ):
                return None
            case ast.Call(func=inner) | ast.Attribute(value=inner):
                start = inner
            case _:
                # A statement kept in a variable: `values` belongs to SQL, `update` may be any dict's.
                return "" if isinstance(call.func, ast.Attribute) and call.func.attr == "values" else None


def _uses(tree: ast.Module, forbidden: set[str]) -> Iterator[int]:
    names = dict(_bindings(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (node.lineno for name in _imported(node) if name in forbidden)
        elif isinstance(node, ast.Attribute) and _dotted(node, names) in forbidden:
            yield node.lineno


def _bindings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name an import binds, and what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            return names.get(name, "")
        case ast.Attribute(value=value, attr=attribute):
            start = _dotted(value, names)
            return f"{start}.{attribute}" if start else ""
    return ""


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []
