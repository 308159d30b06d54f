"""The script that reproduces the picture: the code of the page, and the changes of controls at each step."""

import ast
import inspect
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from neuraxis import experiments
from neuraxis.app.lab.page import Page

_RUNS = ("Controls", "start", "step", "picture")
_DRIVER = """

# Changes of the controls, by step.
changes = {changes}
controls = Controls()
state = start(controls, jax.random.key({seed}))
for number in range({steps}):
    controls = replace(controls, **changes.get(number, {{}}))
    state = step(state, controls)
controls = replace(controls, **changes.get({steps}, {{}}))
"""
_SHOWN = """show(picture(state, controls), "{name}.png")
"""


def script(page: Page, controls: Any, changes: Mapping[int, Mapping[str, Any]], seed: int, steps: int) -> str:
    """Write the script of a run of `steps` steps, started with `controls`."""
    tree = ast.parse(source := Path(page.module.__file__).read_text(encoding="utf-8"))
    definitions = {name: node for node in tree.body if not _is_import(node) for name in _defined(node)}
    wanted = _closure(_RUNS, definitions)
    kept = [node for node in tree.body if not _is_import(node) and wanted & _defined(node)]
    parts = [_controls(page, controls) if _is_controls(node) else _segment(source, node) for node in kept]
    driver = _DRIVER.format(changes=_written(changes), seed=seed, steps=steps) + _SHOWN.format(name=page.name)
    body = _spaced(kept, parts) + "\n" + driver
    head = f'"""{page.title}: the state of the lab after {steps} steps. Writes {page.name}.png."""\n'
    return head + "\n" + _imports(tree, body) + "\n\n\n" + body


def command(page: Page, controls: Any) -> str:
    """Write the command that runs the experiment with the settings that differ from its defaults."""
    settings = experiments.settings(page.experiment)
    options = [
        f" --{each.name.replace('_', '-')} {shlex.quote(str(getattr(controls, each.name)))}"
        for each in fields(controls)
        if each.name in settings and getattr(controls, each.name) != settings[each.name]
    ]
    return f"neuraxis run {page.experiment}{''.join(options)}"


def _is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_controls(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and node.name == "Controls"


def _defined(node: ast.AST) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return set()


def _used(node: ast.AST) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def _closure(names: Iterable[str], definitions: Mapping[str, ast.AST]) -> set[str]:
    """Return the names and all that their definitions depend on."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= (_used(definitions[name]) & definitions.keys()) - found
    return found


def _spaced(nodes: list[ast.stmt], parts: list[str]) -> str:
    """Join constants line by line, and put two blank lines around classes and functions."""
    text = ""
    for node, after, part in zip(nodes, [*nodes[1:], None], parts, strict=True):
        both = isinstance(node, ast.Assign) and isinstance(after, ast.Assign)
        text += part + ("\n" if both else "\n\n\n")
    return text.rstrip("\n")


def _segment(source: str, node: Any) -> str:
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    return "\n".join(source.splitlines()[first - 1 : node.end_lineno])


def _controls(page: Page, controls: Any) -> str:
    """Write the class of the controls as a plain dataclass, with the initial values as defaults."""
    lines = ["@dataclass(frozen=True)", "class Controls:", f'    """{inspect.getdoc(page.controls)}"""', ""]
    for each in fields(controls):
        kind = getattr(each.type, "__name__", each.type)
        label, unit = page.labels[each.name]
        lines.append(f"    {each.name}: {kind} = {getattr(controls, each.name)!r}")
        lines.append(f'    """{label}{f" [{unit}]" if unit else ""}."""')
    return "\n".join(lines)


def _written(changes: Mapping[int, Mapping[str, Any]]) -> str:
    if not changes:
        return "{}"
    return "{\n" + "".join(f"    {step}: {dict(values)!r},\n" for step, values in changes.items()) + "}"


def _imports(tree: ast.Module, body: str) -> str:
    """Write the imports of the page that its script needs, and those of the added lines."""
    used = _used(ast.parse(body))
    added = ast.parse(
        "from dataclasses import dataclass, replace\nimport jax\nfrom neuraxis.app.lab import show\n"
    ).body
    plain, merged = set(), {}
    for node in [*tree.body, *added]:
        if isinstance(node, ast.Import):
            plain |= {
                ast.unparse(ast.Import([n])) for n in node.names if (n.asname or n.name.partition(".")[0]) in used
            }
        elif isinstance(node, ast.ImportFrom):
            wanted = {ast.unparse(n) for n in node.names if (n.asname or n.name) in used}
            merged.setdefault(node.module, set()).update(wanted)
    lines = [f"from {module} import {', '.join(sorted(names))}" for module, names in merged.items() if names]
    return "\n".join([*sorted(plain), *sorted(lines)])
