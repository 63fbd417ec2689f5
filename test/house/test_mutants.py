from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAN = """
class Plan:
    def steps(self, count):
        if count < 2:
            return 0
        return count + 1


def steps(count):
    return count + 1
"""


@pytest.fixture
def mutant_list(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT / 'scripts')
    import mutant_list

    return mutant_list


def write(tree: Path, name: str, text: str) -> Path:
    file = tree / 'dexgrasp_ros' / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_mutant_is_found_by_its_text_where_its_file_has_moved(mutant_list, tmp_path):
    changed = PLAN.replace('count + 1', 'count - 1', 1)
    mutant = mutant_list.difference('execution_plan.py', 'nodes', PLAN, changed)
    assert (mutant.function, mutant.occurrence) == ('Plan.steps', 1)
    listed = tmp_path / 'list'
    listed.write_text(f'A remark.\n\n{mutant}\n\n{mutant}\n')
    assert mutant_list.read_list(listed) == [mutant, mutant]

    write(tmp_path, 'nodes/other.py', 'def steps(count):\n    return count + 1\n')
    moved = write(tmp_path, 'nodes/execution/plan.py', '# Longer.\n' + PLAN)
    place = mutant_list.find(mutant, tmp_path)
    assert place.file == moved
    assert place.mutated(mutant) == '# Longer.\n' + changed


def test_a_mutant_with_no_place_or_two_is_gone(mutant_list, tmp_path):
    changed = PLAN.replace('count < 2', 'count <= 2')
    mutant = mutant_list.difference('plan.py', 'nodes', PLAN, changed)
    assert mutant_list.find(mutant, tmp_path) is None
    for name in ('nodes/a.py', 'nodes/b.py'):
        write(tmp_path, name, PLAN)
    assert mutant_list.find(mutant, tmp_path) is None
    own = write(tmp_path, 'nodes/plan.py', PLAN)
    assert mutant_list.find(mutant, tmp_path).file == own


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('return count', 'return (count)'),
        ("raise ValueError('x')", 'raise ValueError(None)'),
        ("self.log.info('x', 1)", "self.log.info('x', 2)"),
        ("say('two words')", "say('TWO WORDS')"),
        ("open(p, encoding='utf-8')", 'open(p, encoding=None)'),
        ('zip(a, b, strict=True)', 'zip(a, b, strict=False)'),
    ],
)
def test_what_no_test_should_notice_is_no_mutant(mutant_list, old, new):
    source = f'def f(count):\n    {old}\n'
    assert mutant_list.difference('f.py', 'hand', source, source.replace(old, new)) is None


def test_the_lines_of_a_statement(mutant_list):
    tree = mutant_list.ast.parse(
        'def f(\n    a,\n):\n    if (\n        a\n    ):\n        g(\n            a\n        )\n'
    )
    lines = mutant_list.statement_lines
    assert lines(tree, 2, 1) == range(1, 4)
    assert lines(tree, 5, 1) == range(4, 7)
    assert lines(tree, 8, 1) == range(7, 10)
