"""Pages of the reference: one for each module, made from its docstrings, found by folder.

Modules are read, not imported, to find them and the names that their folders give to the public.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

# `dexgrasp COMMAND --help` shows the command line; kernels are called by the search alone.
LEFT_OUT = ('cli', 'kernels')


def write_pages(package: Path, out: Path) -> None:
    """Write the pages of a package anew, where they are not as they were."""
    pages = {f'{name}.rst': page(name, path) for name, path in modules(package)}
    if out.is_dir() and {p.name for p in out.iterdir()} - set(pages):
        shutil.rmtree(out)
    out.mkdir(exist_ok=True)
    for file, text in pages.items():
        # A file that is written is read again, and so is all that links to it.
        if not (out / file).is_file() or (out / file).read_text(encoding='utf-8') != text:
            (out / file).write_text(text, encoding='utf-8')


def modules(package: Path) -> Iterator[tuple[str, Path]]:
    """Dotted names and files of a package and what it holds; private modules are left out."""
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
    head = f'{title}\n{"=" * len(title)}\n\n.. automodule:: {name}\n'
    if path.name != '__init__.py':
        return head + '   :members:\n   :show-inheritance:\n'
    inside = [n for n, _ in modules(path.parent)][1:]
    depth = len(path.parent.name.split('.'))
    prefix = name[: -len(path.parent.name)]
    below = [prefix + n for n in inside if n.count('.') == depth]
    public = [f'~{home(path, n)}' for n in exported(path)]
    parts = [head]
    if public:
        parts.append(_table('Public names', public))
    if below:
        parts.append(_table('Modules', below))
        parts.append('\n.. toctree::\n   :hidden:\n\n' + ''.join(f'   {n}\n' for n in below))
    return ''.join(parts)


def exported(init: Path) -> list[str]:
    """Names in ``__all__`` of a folder."""
    for node in ast.parse(init.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '__all__':
            return list(ast.literal_eval(node.value))
    return []


def home(init: Path, name: str) -> str:
    """Dotted name of the module that defines what a folder imports, and the name in it."""
    root = next(p for p in init.parents if not (p.parent / '__init__.py').is_file())
    while True:
        for node in ast.walk(ast.parse(init.read_text(encoding='utf-8'))):
            if isinstance(node, ast.ImportFrom) and name in {a.name for a in node.names}:
                file = root.parent.joinpath(*(node.module or '').split('.'))
                break
        else:
            raise LookupError(f"{init} exports '{name}' and does not import it")
        if not (file / '__init__.py').is_file():
            return f'{node.module}.{name}'
        init = file / '__init__.py'


def connect(app: Sphinx) -> None:
    """Let names in docstrings be links."""


def _table(title: str, names: list[str]) -> str:
    rows = ''.join(f'   {name}\n' for name in names)
    return f'\n{title}\n{"-" * len(title)}\n\n.. autosummary::\n\n{rows}'
