"""Small faults for the tests to notice: a readable list of them, and where in a tree they belong.

A fault is known by its text: the function, the lines that it changes and what they become. So the
same list fits a later tree, in which files have other names and stand in other folders.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = 'dexgrasp_ros'
# What no test should notice: statements that only tell something, words for people, and arguments
# that name the default or make a difference only to a mistake in the code itself.
TELLING = re.compile(r'^\s*(raise|assert|import|from)\b|log(ger)?(\(\))?\.\w+\(|\b(print|warn)\(')
SILENT = re.compile(
    r"""\b(?:encoding|newline|strict|stacklevel|daemon)=[^,)]*|['"][^'"]*[a-z,;:] [^'"]*['"]"""
)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A fault: some lines of a function, and what stands there instead."""

    folder: str  # of the package
    file: str  # its name without folders
    function: str  # with the classes and functions around it
    occurrence: int  # of equal lines in the function, from 1
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def name(self) -> str:
        """Words that stay the same as long as the fault does."""
        told = repr((self.function, self.occurrence, self.before, self.after))
        return f'{self.folder}-{hashlib.sha256(told.encode()).hexdigest()[:6]}'

    def __str__(self) -> str:
        head = f'@@ {self.name} {self.folder} {self.file} {self.function} {self.occurrence}'
        return '\n'.join([head, *(f'-{x}' for x in self.before), *(f'+{x}' for x in self.after)])


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a fault belongs: a file, and the first of its lines that change, from 0."""

    file: Path
    line: int

    def mutated(self, mutant: Mutant) -> str:
        """Return the file's text with the fault."""
        lines = self.file.read_text(encoding='utf-8').split('\n')
        lines[self.line : self.line + len(mutant.before)] = mutant.after
        return '\n'.join(lines)


def read_list(path: Path) -> list[Mutant]:
    """Mutants of a file; what stands above the first is a remark, as is an empty line."""
    mutants = []
    text = path.read_text(encoding='utf-8')
    for entry in re.split(r'^@@ ', text, flags=re.MULTILINE)[1:]:
        head, *lines = entry.splitlines()
        _, folder, file, function, occurrence = head.split()
        before, after = (tuple(x[1:] for x in lines if x[:1] == sign) for sign in '-+')
        mutants.append(
            Mutant(
                folder=folder,
                file=file,
                function=function,
                occurrence=int(occurrence),
                before=before,
                after=after,
            )
        )
    return mutants


def find(mutant: Mutant, tree: Path) -> Place | None:
    """Where a mutant belongs in a tree; None where its lines are gone, or stand in two places.

    A file of the same name in the same folder of the package counts before any file of the
    folder, and that before all others.
    """
    package = tree / PACKAGE
    matches: dict[int, list[Place]] = {}
    for file in sorted(package.rglob('*.py')):
        lines = file.read_text(encoding='utf-8').split('\n')
        if mutant.before[0] not in lines:
            continue
        near = file.relative_to(package).parts[0] == mutant.folder
        rank = 0 if near and file.name == mutant.file else 1 if near else 2
        for name, first, last in functions(ast.parse('\n'.join(lines))):
            if name == mutant.function:
                found = list(_equal_lines(lines, mutant.before, first - 1, last))
                if len(found) >= mutant.occurrence:
                    place = Place(file=file, line=found[mutant.occurrence - 1])
                    matches.setdefault(rank, []).append(place)
    nearest = matches[min(matches)] if matches else []
    return nearest[0] if len(nearest) == 1 else None


def sample(tree: Path, folder: str, count: int, seed: int) -> list[Mutant]:
    """Draw faults of a folder: one a file until all files have one, of all kinds alike."""
    chance = random.Random(f'{seed} {folder}')
    files = sorted((tree / PACKAGE / folder).rglob('*.py'))
    chance.shuffle(files)
    drawn: list[Mutant] = []
    streams = {file: mutants_of(file, folder, chance) for file in files}
    while streams and len(drawn) < count:
        for file, stream in list(streams.items()):
            mutant = next(stream, None)
            if mutant is None:
                del streams[file]
            elif all(mutant.function != other.function for other in drawn):
                drawn.append(mutant)
            if len(drawn) == count:
                break
    return drawn


def mutants_of(file: Path, folder: str, chance: random.Random) -> Iterator[Mutant]:
    """Faults of a file in random order, such as mutmut makes them.

    Its visitor leaves out annotations, docstrings and decorated functions; its commands are not
    used, since they need one green run of the whole suite in one process.
    """
    import libcst
    from libcst.metadata import MetadataWrapper
    from mutmut.mutation.file_mutation import MutationVisitor
    from mutmut.mutation.mutators import mutation_operators
    from mutmut.mutation.pragma_handling import IgnoredCode

    source = file.read_text(encoding='utf-8')
    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()))
    module = MetadataWrapper(libcst.parse_module(source)).visit(visitor)
    kinds: dict[type, list] = {}
    for mutation in visitor.mutations:
        kinds.setdefault(type(mutation.original_node), []).append(mutation)
    for mutations in kinds.values():
        chance.shuffle(mutations)
    order = list(kinds.values())
    chance.shuffle(order)
    for mutation in itertools.chain(*itertools.zip_longest(*order)):
        if mutation is not None:
            changed = module.deep_replace(mutation.original_node, mutation.mutated_node)
            mutant = difference(file.name, folder, source, changed.code)
            if mutant is not None:
                yield mutant


def difference(file: str, folder: str, source: str, changed: str) -> Mutant | None:
    """Tell two texts of a file apart; None where no test could, or should, notice."""
    old, new = source.split('\n'), changed.split('\n')
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    tree = ast.parse(source)
    if not before or ast.dump(tree) == ast.dump(ast.parse(changed)):
        return None
    around = [f for f in functions(tree) if f[1] <= head + 1 and head + len(before) <= f[2]]
    statement = '\n'.join(old[n - 1] for n in statement_lines(tree, head + 1, len(before)))
    if not around or TELLING.search(statement):
        return None
    if SILENT.findall('\n'.join(before)) != SILENT.findall('\n'.join(after)):
        return None
    function, first, last = min(around, key=lambda f: f[2] - f[1])
    equal = list(_equal_lines(old, tuple(before), first - 1, last))
    return Mutant(
        folder=folder,
        file=file,
        function=function,
        occurrence=1 + equal.index(head),
        before=tuple(before),
        after=tuple(after),
    )


def functions(node: ast.AST, prefix: str = '') -> Iterator[tuple[str, int, int]]:
    """Qualified names of all functions, with their first and last lines from 1."""
    for child in ast.iter_child_nodes(node):
        name = prefix
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f'{prefix}{child.name}.'
            if not isinstance(child, ast.ClassDef):
                yield name[:-1], child.lineno, child.end_lineno or child.lineno
        yield from functions(child, name)


def statement_lines(tree: ast.AST, first: int, count: int) -> range:
    """Lines from 1 of the statement that holds some lines; of one with a body, those above it."""
    fitting = [range(first, first + count)]
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, 'body', None)
            end = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            if node.lineno <= first and first + count - 1 <= end:
                fitting.append(range(node.lineno, end + 1))
    return min(fitting[1:] or fitting, key=len)


def _equal_lines(lines: list[str], block: tuple[str, ...], first: int, end: int) -> Iterator[int]:
    return (n for n in range(first, end) if tuple(lines[n : n + len(block)]) == block)


def _common(one: list[str], other: list[str]) -> int:
    """Tell how many lines are the same at the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (x, y) in pairs if x != y), min(len(one), len(other)))
