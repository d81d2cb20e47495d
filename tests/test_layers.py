"""The arrows of the design: who imports whom, read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ARROWS = {
    "scheduler": {"scheduler"},
    "prompts": {"prompts"},
    "tools": {"tools", "scheduler"},
    "agent": {"agent", "tools", "prompts", "scheduler"},
}
"""Package: what of ours it may import."""

FILES = sorted(file for package in ARROWS for file in (ROOT / package).rglob("*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path) -> set[str]:
    """Give the modules that a file imports, relative ones spelled out."""
    found = set()
    package = module_name(file).split(".")
    package = package if file.name == "__init__.py" else package[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            found.add(".".join([*base, *([node.module] if node.module else [])]))
            found |= {".".join([*base, node.module or "", alias.name]) for alias in node.names}
    return found


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_a_module_imports_only_what_its_layer_may(file):
    own = file.relative_to(ROOT).parts[0]
    for name in imports(file):
        first = name.split(".")[0]
        assert first not in ARROWS or first in ARROWS[own], f"{module_name(file)} imports {name}"


def test_every_package_of_the_design_is_looked_at():
    assert {file.relative_to(ROOT).parts[0] for file in FILES} == set(ARROWS)


def test_the_modules_import_each_other_without_a_cycle():
    names = {module_name(file) for file in FILES}
    graph = {
        module_name(file): {name for name in imports(file) if name in names} - {module_name(file)}
        for file in FILES
        if file.name != "__init__.py"
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a cycle: {' -> '.join((*way[way.index(name) :], name))}"
        if name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, (*way, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
