"""Statistics of a dataset are those of its rows and files."""

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from dexgrasp_ros.cli import main
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.json_files import read_json, write_json
from dexgrasp_ros.dataset import open_dataset
from dexgrasp_ros.dataset.schema import BEFORE
from dexgrasp_ros.dataset.statistics.cost_estimate import estimate_cost
from dexgrasp_ros.dataset.statistics.summary import dataset_statistics
from dexgrasp_ros.evaluation import wilson_interval

MEASURED = {
    'grasps': 200,
    'objects': 2,
    'frames': 10,
    'stages': [
        {'stage': 'settle', 'of': 'objects', 'seconds': 20.0, 'count': 2},
        {'stage': 'synthesize', 'of': 'grasps', 'seconds': 100.0, 'count': 200},
        {'stage': 'evaluate', 'of': 'grasps', 'seconds': 50.0, 'count': 100},
        {'stage': 'render', 'of': 'frames', 'seconds': 5.0, 'count': 10},
    ],
    'bytes': {
        **{'grasps': 200_000, 'images': 1_000_000, 'frames': 10_000, 'meshes': 4_000},
        **{
            'clutter': 0,
            'colors': 0,
            'hands': 77,
            'objects': 600,
            'scenes': 400,
            'other': 5,
            'total': 1_215_082,
        },
    },
}


@pytest.fixture(scope='module')
def statistics(small_dataset):
    return dataset_statistics(small_dataset.root)


def test_success_is_counted_by_hand_object_and_table(small_dataset, statistics):
    for hand in statistics['hands']:
        rows = next(open_dataset(small_dataset.root, hand['hand']).batches(10_000))
        held = rows['held']
        assert (hand['grasps'], hand['held']) == (len(held), held.sum())
        assert (hand['low'], hand['high']) == wilson_interval(int(held.sum()), len(held))
        free = rows['scene'] == -1
        assert (hand['free']['grasps'], hand['free']['held']) == (free.sum(), held[free].sum())
        assert hand['settled']['held'] == held[~free].sum()
        assert sum(hand['causes'].values()) == len(held)
        assert hand['causes'].get('held', 0) == held.sum()
        assert not any('direction' in cause for cause in hand['causes'])
        near = np.bincount(rows['contact_count'][held, 1], minlength=17)
        assert hand['contacts_held'] == near.tolist()
        assert sum(hand['epsilon_held']) == held.sum()
        assert sum(hand['epsilon_failed']) == (~held).sum()
        middle = np.array(statistics['epsilon_edges'])
        middle = (middle[1:] + middle[:-1]) / 2
        mean = float(rows['epsilon'][held].mean())
        assert hand['epsilon_mean_held'] == pytest.approx(mean, abs=1e-6)
        assert np.average(middle, weights=hand['epsilon_held']) == pytest.approx(mean, abs=0.01)
        assert 0 < hand['distinct_share'] <= 1
        assert (np.diff(hand['explained_variance']) >= 0).all()
    assert statistics['grasps'] == sum(hand['grasps'] for hand in statistics['hands'])
    assert sum(row['held'] for row in statistics['by_object']) == statistics['held']
    assert statistics['licenses'] == {'CC0-1.0': 2}


def test_rates_are_of_what_was_shaken(copied_dataset):
    """And grasps of files of version 1.0, which had no such column, all were."""
    file = sorted(copied_dataset.root.glob('grasps/hand=barrett/*/part-*.parquet'))[0]
    before = dataset_statistics(copied_dataset.root)
    table = pq.read_table(file)
    rewrite(file, table, 'shaken', [n > 0 for n in range(len(table))])
    after = dataset_statistics(copied_dataset.root)
    one = table['held'][0].as_py()
    assert (after['grasps'], after['shaken']) == (before['grasps'], before['grasps'] - 1)
    assert after['held'] == before['held'] - one
    barrett = next(hand for hand in after['hands'] if hand['hand'] == 'barrett')
    assert barrett['rate'] == barrett['held'] / barrett['shaken']
    assert sum(barrett['causes'].values()) == sum(barrett['epsilon_held']) + sum(
        barrett['epsilon_failed']
    )
    for file in copied_dataset.root.glob('grasps/*/*/part-*.parquet'):
        rewrite(file, pq.read_table(file).drop_columns(list(BEFORE)))
    assert dataset_statistics(copied_dataset.root)['hands'] == before['hands']


def rewrite(file, table, name='', values=()):
    if name:
        index = table.schema.get_field_index(name)
        table = table.set_column(index, table.schema.field(name), [values])
    pq.write_table(table, file)


def test_bytes_seconds_and_failures_are_those_of_the_files(small_dataset, statistics):
    files = [p for p in small_dataset.root.rglob('*') if p.is_file()]
    assert statistics['bytes']['total'] == sum(p.stat().st_size for p in files)
    tars = sum(p.stat().st_size for p in files if p.suffix == '.tar')
    assert statistics['bytes']['images'] == tars > 0
    assert statistics['frames'] == 2
    stages = {stage['stage']: stage for stage in statistics['stages']}
    assert stages['synthesize']['count'] == stages['evaluate']['count'] == statistics['grasps']
    assert stages['evaluate']['of'] == 'grasps' and stages['settle']['of'] == 'objects'
    timings = [json.loads(p.read_text()) for p in small_dataset.root.glob('timing/*.json')]
    searched = sum(t['seconds'].get('synthesize', 0.0) for t in timings)
    assert stages['synthesize']['seconds'] == pytest.approx(searched) and searched > 0
    (failure,) = statistics['failures']
    assert failure['unit'] == 'object/torn' and failure['code'] == 'INVALID_MESH'


def test_cost_of_a_larger_dataset_by_hand():
    cost = estimate_cost(MEASURED, grasps=1_000_000, machines=100, processes=2)
    # 100 grasps for each object: 10,000 objects, and 5 frames of each.
    assert (cost['objects'], cost['frames']) == (10_000, 50_000)
    seconds = {'settle': 1e5, 'synthesize': 5e5, 'evaluate': 5e5, 'render': 2.5e4}
    for stage, value in seconds.items():
        assert cost['stage_hours'][stage] == pytest.approx(value / 3600 / 200)
    assert cost['hours'] == pytest.approx(sum(seconds.values()) / 3600 / 200)
    assert cost['bytes'] == 10**9 + 50_000 * 101_000 + 10_000 * 2_500 + 77
    alone = estimate_cost(MEASURED, grasps=1_000_000, machines=1, processes=2)
    assert alone['hours'] == pytest.approx(100 * cost['hours'])
    fewer = estimate_cost(
        MEASURED, grasps=1_000_000, machines=1, processes=2, grasps_per_object=1000
    )
    assert (fewer['objects'], fewer['frames']) == (1000, 5000)
    assert any('1000 grasps for each object' in text for text in fewer['assumptions'])


def test_nothing_is_estimated_of_nothing():
    none = MEASURED | {'grasps': 0, 'objects': 0, 'frames': 0, 'stages': []}
    cost = estimate_cost(none, grasps=1000, machines=1, processes=1)
    assert cost['hours'] is None and cost['bytes'] is None


def test_the_command_writes_json_and_a_page_of_its_own(copied_dataset, tmp_path, capsys):
    root = copied_dataset.root
    write_json(
        copied_dataset.failure('bad'),
        {'unit': '<script>alert(1)</script>', 'code': 'INVALID_MESH', 'message': 'a < b'},
    )
    page, numbers = tmp_path / 'a' / 'page.html', tmp_path / 'numbers.json'
    words = ['dataset', 'stats', str(root), '--html', str(page), '--json', str(numbers)]
    assert main([*words, '--machines', '1', '3', '--processes', '4']) == 0
    said = capsys.readouterr().out
    assert 'allegro' in said and '1,000,000 grasps on 3 × 4 processes' in said
    told = json.loads(numbers.read_text())
    again = dataset_statistics(root)
    assert told['grasps'] == again['grasps'] and told['bytes'] == again['bytes']
    assert [plan['machines'] for plan in told['plans']] == [1, 3]
    text = page.read_text()
    # Nothing from elsewhere, no script, and names do not become markup.
    assert '<script' not in text and 'a &lt; b' in text
    assert set(re.findall(r'(?:src|href)="([^"]{10})', text)) == {'data:image'}
    assert len(re.findall('<img', text)) == 5  # two objects for each hand, and a frame


def test_the_page_is_laid_out_within_its_width(copied_dataset, tmp_path, browser):
    page = tmp_path / 'page.html'
    words = ['dataset', 'stats', str(copied_dataset.root), '--html', str(page), '--pictures', '0']
    assert main(words) == 0
    tab = browser.new_page(viewport={'width': 1100, 'height': 800})
    problems = []
    tab.on('pageerror', lambda error: problems.append(str(error)))
    tab.on('requestfailed', lambda request: problems.append(request.url))
    tab.goto(page.as_uri())
    assert tab.locator('section').count() >= 7
    assert tab.evaluate('document.documentElement.scrollWidth') <= 1100
    assert tab.locator('svg').count() > 8 and not problems
    tab.close()


def test_a_dataset_without_any_grasp_has_statistics_too(copied_dataset, tmp_path):
    for folder in ('grasps', 'frames', 'images', 'timing'):
        for file in copied_dataset.root.glob(f'{folder}/**/*.*'):
            if file.is_file():
                file.unlink()
    page = tmp_path / 'page.html'
    assert main(['dataset', 'stats', str(copied_dataset.root), '--html', str(page)]) == 0
    assert 'none yet' not in page.read_text()


def test_what_cannot_be_read_is_told_and_the_rest_is_counted(copied_dataset, statistics):
    root = copied_dataset.root
    shard = min(root.glob('grasps/hand=barrett/object=box*/*.parquet'))
    lost = pq.read_metadata(shard).num_rows
    shard.write_bytes(shard.read_bytes()[:-9])
    (table,) = root.glob('frames/*/*.parquet')
    table.write_bytes(b'')
    damaged = sorted(root.glob('timing/*.json'))
    damaged[0].write_text('{')
    damaged[1].write_text('{}')
    (root / 'failures' / 'nothing.json').write_text('{}')
    can = next(
        r['mesh'] for r in read_json(copied_dataset.manifest)['objects'] if r['name'] == 'can'
    )
    copied_dataset.mesh(can).write_bytes(b'ply')
    found = dataset_statistics(root)
    told = {f['unit']: f['message'] for f in found['failures']}
    key = next(k for k in (r['object'] for r in found['by_object']) if k.startswith('can'))
    files = {file.relative_to(root).as_posix() for file in (shard, table)}
    assert {f'allegro/{key}', f'barrett/{key}', 'object/torn', *files} == set(told)
    assert 'cannot be read' in told[f'allegro/{key}']
    assert found['grasps'] == statistics['grasps'] - lost
    assert found['frames'] == 0 and found['by_object'] != statistics['by_object']
    page = root.parent / 'page.html'
    assert main(['dataset', 'stats', str(root), '--html', str(page)]) == 0
    assert key in page.read_text()


def test_failures_of_a_folder_that_is_no_dataset(tmp_path, small_dataset, capsys):
    assert main(['dataset', 'failures', '--out', str(tmp_path)]) == 1
    assert 'FILE_NOT_FOUND' in capsys.readouterr().err
    assert main(['dataset', 'failures', '--out', str(small_dataset.root)]) == 0
    assert 'object/torn' in capsys.readouterr().out


def test_wrong_numbers_are_told(copied_dataset, capsys):
    assert main(['dataset', 'stats', str(copied_dataset.root), '--machines', '0']) == 1
    assert f'{ErrorCode.OUT_OF_RANGE.name}: --machines is 0' in capsys.readouterr().err
