"""What the documents say of the code, and what the site is made from; Sphinx is not needed."""

import importlib.util
import re
from pathlib import Path

import pytest

from dexgrasp_ros.core.errors import ErrorCode

ROOT = Path(__file__).resolve().parents[2]


def site_module(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / 'docs' / 'site' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_is_short():
    lines = (ROOT / 'README.md').read_text(encoding='utf-8').splitlines()
    assert len(lines) <= 150
    assert [n for n in lines if len(n) > 120 and not n.startswith(('|', '!['))] == []


def test_the_table_of_error_codes_is_complete():
    page = (ROOT / 'docs' / 'error_codes.md').read_text(encoding='utf-8')
    listed = {}
    for first, names in re.findall(r'^\| (\d+)\S* \| (.+) \|$', page, re.MULTILINE):
        for i, name in enumerate(re.findall(r'`(\w+)`', names)):
            listed[name] = int(first) + i
    assert listed == {code.name: code.value for code in ErrorCode}


PACKAGE = ROOT / 'dexgrasp_ros'
FOLDERS = sorted(PACKAGE.rglob('__init__.py'))


@pytest.mark.parametrize('path', FOLDERS, ids=lambda p: p.parent.relative_to(ROOT).as_posix())
def test_the_reference_finds_what_a_folder_gives_to_the_public(path):
    reference = site_module('reference')
    name = '.'.join(path.parent.relative_to(ROOT).parts)
    page = reference.page(name, path)
    for public in reference.exported(path):
        where, found = reference.home(name, path, public)
        assert where.endswith(f'.{public}')
        module = ROOT.joinpath(*where.split('.')[:-1])
        assert module.with_suffix('.py').is_file() or (module / '__init__.py').is_file()
        assert getattr(found, 'name', public) == public
        assert f':py:obj:`~{where}`' in page


def test_there_is_a_page_for_each_module_and_it_is_below_its_folder(tmp_path):
    reference = site_module('reference')
    reference.write_pages(PACKAGE, tmp_path)
    pages = {p.stem for p in tmp_path.iterdir()}
    assert {'dexgrasp_ros', 'dexgrasp_ros.hand', 'dexgrasp_ros.hand.loading'} <= pages
    below = [
        n for p in tmp_path.iterdir() for n in re.findall(r'^   (dexg\S+)$', p.read_text(), re.M)
    ]
    assert sorted([*below, 'dexgrasp_ros']) == sorted(pages)
    (tmp_path / 'gone.rst').write_text('gone')
    reference.write_pages(PACKAGE, tmp_path)
    assert {p.stem for p in tmp_path.iterdir()} == pages


def test_the_side_bar_is_that_of_the_index():
    text = '# A\n[no](no.md)\n## One\n- [x](x.md), [y](../y.rst#z), [x](x.md)\n## Two\nno link\n'
    trees = site_module('navigation').trees(text, 'docs')
    assert trees.count('{toctree}') == 1
    assert ':caption: One\n\nx </docs/x>\ny </y>\n```' in trees
