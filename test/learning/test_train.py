"""Training repeats, resumes after a kill to the same weights, and refuses what is not its own.

`make test-learning` runs this; without PyTorch there is nothing to test.
"""

from __future__ import annotations

import numpy as np
import pytest

from dexgrasp_ros.core.errors import DeviceError, InputError
from dexgrasp_ros.learning.config import TrainingConfig
from dexgrasp_ros.learning.model_files import GRAPHS, graph_file, read_record
from dexgrasp_ros.learning.predictor import load_predictor

torch = pytest.importorskip('torch')
from dexgrasp_ros.learning import train as training  # noqa: E402
from dexgrasp_ros.learning.checkpoint import read_checkpoint, write_checkpoint  # noqa: E402
from dexgrasp_ros.learning.export import _examples  # noqa: E402
from dexgrasp_ros.learning.networks import GraspNetworks  # noqa: E402

SMALL = {'view_batch': 2, 'grasp_batch': 2, 'views_per_object': 2, 'width': 16, 'heads': 2}
SMALL |= {'layers': 1, 'validate_every': 3, 'warm_up': 2}
NEVER = float('inf')


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope='module')
def trained(tmp_path_factory, boxes, hands):
    out = tmp_path_factory.mktemp('trained')
    facts = training.train(boxes[:2], boxes[2:], hands, out, TrainingConfig(steps=6, **SMALL))
    return out, facts


def weights(out):
    return read_checkpoint(out / training.CHECKPOINT)[0]


def test_it_resumes_to_the_same_weights(trained, tmp_path, boxes, hands, monkeypatch):
    monkeypatch.setattr(training, '_SAVE_EVERY', 0.0)

    def kill(moment):
        if moment.step == 4:
            raise KilledError

    config = TrainingConfig(steps=6, **SMALL)
    with pytest.raises(KilledError):
        training.train(boxes[:2], boxes[2:], hands, tmp_path, config, progress=kill)
    steps = []
    training.train(
        boxes[:2], boxes[2:], hands, tmp_path, config, progress=lambda m: steps.append(m.step)
    )
    assert steps == [4, 5, 6]
    here, there = weights(tmp_path), weights(trained[0])
    assert here.keys() == there.keys()
    assert all(torch.equal(here[name], there[name]) for name in here)


def test_it_says_what_it_learnt_from(trained):
    out, facts = trained
    assert (out / 'curves.png').read_bytes().startswith(b'\x89PNG')
    record = read_record(out / 'model')
    assert record['training'] == facts
    assert facts['training_objects'] == 2 and facts['grasps'] == {'allegro': 16, 'barrett': 16}
    assert {'flow, validation', 'evaluator, validation'} <= facts['losses'].keys()


def test_onnx_runtime_says_what_pytorch_says(trained):
    """To 1e-4, for other numbers of grasps and links than the graphs were traced with."""
    out, _ = trained
    networks = GraspNetworks(SMALL['width'], SMALL['heads'], SMALL['layers']).eval()
    state = {n.removeprefix('averaged.'): t for n, t in weights(out).items() if 'averaged' in n}
    networks.load_state_dict(state)
    predictor = load_predictor(out / 'model')
    for graph in GRAPHS:
        inputs = _examples(graph, networks, grasps=7, links=11)
        with torch.no_grad():
            here = getattr(networks, graph)(**inputs).numpy()
        there = predictor._run(graph, **{name: t.numpy() for name, t in inputs.items()})
        np.testing.assert_allclose(here, there, atol=1e-4)


def test_another_training_does_not_go_on_there(trained, boxes, hands):
    with pytest.raises(InputError, match='other settings'):
        training.train(boxes[:2], boxes[2:], hands, trained[0], TrainingConfig(steps=7, **SMALL))
    with pytest.raises(DeviceError):
        training.train(
            boxes[:2], [], hands, trained[0], TrainingConfig(steps=6, **SMALL), device='nowhere'
        )


def test_a_training_of_other_objects_does_not_go_on_though_they_are_as_many(trained, boxes, hands):
    for others in ((boxes[1::-1], boxes[2:]), (boxes[:2], [boxes[2], boxes[2]])):
        with pytest.raises(InputError, match='other settings, objects'):
            training.train(*others, hands, trained[0], TrainingConfig(steps=6, **SMALL))


def test_losses_that_are_not_finite_end_it_and_leave_the_checkpoint(
    tmp_path, boxes, hands, monkeypatch
):
    monkeypatch.setattr(training, '_SAVE_EVERY', 0.0)
    losses = training._Run._losses

    def diverged(self, networks, batch):
        flow, evaluator = losses(self, networks, batch)
        return (flow * NEVER if self.step == 2 else flow), evaluator

    monkeypatch.setattr(training._Run, '_losses', diverged)
    with pytest.raises(InputError, match='At step 3 the losses are inf'):
        training.train(boxes[:1], [], hands, tmp_path, TrainingConfig(steps=6, **SMALL))
    assert read_checkpoint(tmp_path / training.CHECKPOINT)[1]['step'] == 2


def test_damaged_checkpoints_are_refused(trained, tmp_path):
    path = tmp_path / 'training.safetensors'
    for content in (b'', b'x' * 100, (trained[0] / training.CHECKPOINT).read_bytes()[:5000]):
        path.write_bytes(content)
        with pytest.raises(InputError, match='no checkpoint'):
            read_checkpoint(path)
    whole = bytearray((trained[0] / training.CHECKPOINT).read_bytes())
    whole[-5] ^= 0x40
    path.write_bytes(whole)
    with pytest.raises(InputError, match='no checkpoint'):
        read_checkpoint(path)
    write_checkpoint(path, {'a': torch.zeros(1)}, {})
    assert read_checkpoint(path)[0]['a'].shape == (1,)
    with pytest.raises(InputError):
        read_checkpoint(tmp_path / 'none')


def test_loss_falls_on_what_it_sees_again_and_again(tmp_path, boxes, hands):
    some = {'barrett': hands['barrett']}
    config = TrainingConfig(
        steps=60, **SMALL | {'view_batch': 4, 'learning_rate': 5e-3, 'validate_every': 60}
    )
    facts = training.train(boxes[:1], [], some, tmp_path, config)
    tensors, told = read_checkpoint(tmp_path / training.CHECKPOINT)
    first, last = (told['history']['flow, training'][k][1] for k in (0, -1))
    assert last < 0.8 * first and all(torch.isfinite(t).all() for t in tensors.values())
    assert facts['seconds'] > 0.0


def test_the_graphs_are_whole_files(trained):
    for graph in GRAPHS:
        assert graph_file(trained[0] / 'model', graph).stat().st_size > 1000
