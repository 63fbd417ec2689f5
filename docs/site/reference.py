"""Pages of the reference: one for each module, made from its docstrings, found by folder.

Modules are read, not imported, to find them, what they are about, and the names that their
folders give to the public; autodoc imports them when it makes the pages.
"""

from __future__ import annotations

import ast
import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# `dexgrasp COMMAND --help` shows the command line; kernels are called by the search alone.
LEFT_OUT = ('cli', 'kernels')


def write_pages(package: Path, out: Path) -> None:
    """Write the pages of a package, and remove those of modules that are gone."""
    pages = {f'{name}.rst': page(name, path) for name, path in modules(package)}
    if out.is_dir() and {p.name for p in out.iterdir()} - set(pages):
        shutil.rmtree(out)
    out.mkdir(exist_ok=True)
    for file, text in pages.items():
        # A page that is written is read again, and so is all that links to it.
        if not (out / file).is_file() or (out / file).read_text(encoding='utf-8') != text:
            (out / file).write_text(text, encoding='utf-8')


def modules(package: Path) -> Iterator[tuple[str, Path]]:
    """Dotted names and files of a package and all that it holds, but what is private."""
    yield package.name, package / '__init__.py'
    for path in sorted(package.iterdir()):
        if path.name.startswith('_') or path.name in LEFT_OUT:
            continue
        if (path / '__init__.py').is_file():
            yield from ((f'{package.name}.{name}', file) for name, file in modules(path))
        elif path.suffix == '.py':
            yield f'{package.name}.{path.stem}', path


def page(name: str, path: Path) -> str:
    """Return the page of one module, or of a folder with its public names and its modules."""
    title = name.partition('.')[2] or name
    parts = [f'{title}\n{"=" * len(title)}\n\n.. automodule:: {name}\n   :members:\n']
    if path.name != '__init__.py':
        return parts[0]
    # What a folder imports is documented where it is defined.
    parts.append('   :ignore-module-all:\n')
    parts += _summary('Public names', 'obj', [home(name, path, n) for n in exported(path)])
    below = [(f'{name}.{n}', file) for n, file in _children(path.parent)]
    parts += _summary('Modules', 'mod', [(n, _parsed(file)) for n, file in below])
    parts.append('\n.. toctree::\n   :hidden:\n\n' + ''.join(f'   {n}\n' for n, _ in below))
    return ''.join(parts)


def exported(init: Path) -> list[str]:
    """Names in ``__all__`` of a folder."""
    for node in _parsed(init).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '__all__':
            return list(ast.literal_eval(node.value))
    return []


def home(module: str, path: Path, name: str) -> tuple[str, ast.AST]:
    """Dotted name and definition of what a module defines or imports from the package."""
    tree = _parsed(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return f'{module}.{name}', node
        if isinstance(node, ast.ImportFrom) and name in {a.name for a in node.names}:
            source = node.module or ''
            base = path.parents[module.count('.') + (path.name == '__init__.py')]
            file = base.joinpath(*source.split('.'))
            inside = file / '__init__.py'
            return home(source, inside if inside.is_file() else file.with_suffix('.py'), name)
    return f'{module}.{name}', ast.Module([], [])


def _parsed(path: Path) -> ast.Module:
    return _parsed_text(path.read_text(encoding='utf-8'))


@functools.cache  # a folder's pages ask for the same files hundreds of times
def _parsed_text(text: str) -> ast.Module:
    return ast.parse(text)


def definitions(package: Path) -> dict[str, str]:
    """Dotted names of all classes and functions whose names only one module has."""
    places: dict[str, list[str]] = {}
    for module, path in modules(package):
        for node in _parsed(path).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                places.setdefault(node.name, []).append(f'{module}.{node.name}')
    return {name: found[0] for name, found in places.items() if len(found) == 1}


def connect(app: Sphinx, package: Path) -> None:
    """Let `name` in a docstring lead to what another module defines."""
    known = definitions(package)

    def resolve(app: Sphinx, env: Any, node: Any, content: Any) -> Any:
        target = known.get(node['reftarget'])
        if node.get('refdomain') != 'py' or target is None:
            return None
        domain = env.get_domain('py')
        return domain.resolve_xref(
            env, node['refdoc'], app.builder, node['reftype'], target, node, content
        )

    app.connect('missing-reference', resolve)


def _children(folder: Path) -> list[tuple[str, Path]]:
    prefix = len(folder.name) + 1
    return [(n[prefix:], file) for n, file in modules(folder) if n.count('.') == 1]


def _summary(title: str, role: str, rows: list[tuple[str, ast.AST]]) -> list[str]:
    """List names with the first sentences of what is said of them."""
    if not rows:
        return []
    lines = [f'\n{title}\n{"-" * len(title)}\n\n']
    for name, node in rows:
        about = (ast.get_docstring(node) or '').partition('\n\n')[0].replace('\n', ' ')
        lines.append(f':py:{role}:`~{name}`\n   {about.replace("|", chr(92) + "|")}\n\n')
    return lines
