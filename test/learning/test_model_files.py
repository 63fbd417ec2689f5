"""Models that are missing, damaged, of another version or no models at all are refused."""

from __future__ import annotations

import json

import pytest

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.learning.hand_tokens import describe_hand
from dexgrasp_ros.learning.model_files import GRAPHS, graph_file, read_record
from dexgrasp_ros.learning.predictor import SHIPPED, load_predictor


def change(folder, **values):
    path = folder / 'model.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_the_model_of_the_package_is_whole_and_small():
    record = read_record(SHIPPED)
    assert set(record['hands']) == {'allegro', 'barrett', 'shadow'}
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 10_000_000
    assert (SHIPPED / 'README.md').is_file()


def test_the_model_of_the_package_knows_the_hands_of_the_package():
    """Else every prediction by them would say that it may hold nothing."""
    predictor = load_predictor(SHIPPED)
    assert all(
        predictor.knows(describe_hand(load_hand(name))) for name in predictor.record['hands']
    )


def test_no_model(tmp_path):
    with pytest.raises(InputError) as caught:
        load_predictor(tmp_path)
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND


@pytest.mark.parametrize('graph', GRAPHS)
def test_damaged_graphs(model_copy, graph):
    file = graph_file(model_copy, graph)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match='SHA-256'):
        load_predictor(model_copy)
    file.unlink()
    with pytest.raises(InputError) as caught:
        load_predictor(model_copy)
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND


def test_other_versions_and_other_shapes(model_copy):
    change(model_copy, version=2)
    with pytest.raises(InputError, match='version 2'):
        load_predictor(model_copy)
    change(model_copy, version=1, shapes={'anchors': 5})
    with pytest.raises(InputError, match='Train it anew'):
        load_predictor(model_copy)


@pytest.mark.parametrize(
    ('text', 'code'),
    [
        ('', ErrorCode.INVALID_INPUT),
        ('[]', ErrorCode.INVALID_INPUT),
        ('{}', ErrorCode.MISSING_KEY),
        ('{"version": "1"}', ErrorCode.WRONG_TYPE),
    ],
)
def test_records_that_are_none(model_copy, text, code):
    (model_copy / 'model.json').write_text(text)
    with pytest.raises(InputError) as caught:
        load_predictor(model_copy)
    assert caught.value.code == code


def test_what_is_no_graph_is_refused_though_its_digest_is_right(model_copy):
    import hashlib

    file = graph_file(model_copy, 'flow')
    file.write_bytes(b'no graph')
    record = json.loads((model_copy / 'model.json').read_text())
    digests = record['digests'] | {'flow': hashlib.sha256(b'no graph').hexdigest()}
    change(model_copy, digests=digests)
    with pytest.raises(InputError, match='ONNX Runtime'):
        load_predictor(model_copy)
