"""From trained networks to the ONNX graphs that predict, held against each other on the way."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dexgrasp_ros.core.errors import DexGraspError
from dexgrasp_ros.core.files import write_bytes
from dexgrasp_ros.learning.hand_tokens import FEATURES
from dexgrasp_ros.learning.model_files import GRAPHS, graph_file, write_record
from dexgrasp_ros.learning.networks import STATE, GraspNetworks
from dexgrasp_ros.learning.seen import AROUND_GROUPS, GROUP_POINTS, OBJECT_GROUPS

_GROUPS = OBJECT_GROUPS + AROUND_GROUPS
_CLOSE = 1e-4  # what the two may differ by, in the networks' scale


def export_model(
    networks: GraspNetworks, folder: Path, hands: dict[str, str], facts: dict[str, Any]
) -> None:
    """Write a model's graphs and its record.

    Parameters
    ----------
    networks
        On the CPU.
    folder
        To write to.
    hands
        Names and digests of the hands that it was trained on.
    facts
        What else is to be told.

    Raises
    ------
    DexGraspError
        INTERNAL: a graph says something else than its network.
    OSError
        A file cannot be written.
    """
    networks = networks.eval()
    for graph in GRAPHS:
        network = getattr(networks, graph)
        content = _as_onnx(network, _examples(graph, networks, grasps=3, links=5))
        check_graph(content, network, _examples(graph, networks, grasps=2, links=7))
        write_bytes(graph_file(folder, graph), content)
    write_record(folder, hands, facts)


def check_graph(content: bytes, network: nn.Module, inputs: dict[str, Tensor]) -> None:
    """Hold a graph against its network, on inputs of other sizes than it was traced with.

    Raises
    ------
    DexGraspError
        INTERNAL: they differ.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])
    (there,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    with torch.no_grad():
        here = network(**inputs).numpy()
    if not np.allclose(here, there, atol=_CLOSE, rtol=0.0):
        raise DexGraspError(
            f'ONNX Runtime and PyTorch differ by {np.abs(here - there).max():.2g} in'
            f' {type(network).__name__}; expected {_CLOSE:g} at most.'
        )


def _as_onnx(network: nn.Module, inputs: dict[str, Tensor]) -> bytes:
    """Trace a network; counts of grasps and of links stay free."""
    free = {'state': {1: 'grasps', 2: 'links'}, 'time': {1: 'grasps'}, 'features': {0: 'links'}}
    shapes = {
        name: {axis: torch.export.Dim(what) for axis, what in free.get(name, {}).items()}
        for name in inputs
    }
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter('ignore')  # of the exporter's own parts
        logging.getLogger('torch.onnx').setLevel(logging.ERROR)
        program = torch.onnx.export(
            network,
            kwargs=inputs,
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=list(inputs),
            output_names=['out'],
            verbose=False,
        )
    return program.model_proto.SerializeToString()


def _examples(graph: str, networks: GraspNetworks, grasps: int, links: int) -> dict[str, Tensor]:
    """Make inputs of a graph, of no meaning."""
    draw = torch.Generator().manual_seed(grasps)

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw)

    if graph == 'encoder':
        return {
            'groups': some(1, _GROUPS, GROUP_POINTS, 3),
            'centers': some(1, _GROUPS, 6),
            'table': some(1, 2),
        }
    width = networks.encoder.table.out_features
    inputs = {'state': some(1, grasps, links, STATE)}
    if graph == 'flow':
        inputs['time'] = some(1, grasps).abs()
    return inputs | {'features': some(links, FEATURES), 'memory': some(1, _GROUPS + 1, width)}
