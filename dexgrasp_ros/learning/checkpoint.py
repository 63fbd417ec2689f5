"""State of a training on the disk: plain tensors (safetensors), written whole, checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from dexgrasp_ros.core.doors import MEBIBYTE, check_file, reading
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.files import write_bytes

VERSION = '1'
_LIMIT = 4096 * MEBIBYTE


def write_checkpoint(path: Path, tensors: dict[str, torch.Tensor], told: dict[str, Any]) -> None:
    """Write tensors, and what JSON can hold of the training.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    training = json.dumps(told)
    digest = _digest(tensors, training)
    metadata = {'version': VERSION, 'training': training, 'digest': digest}
    write_bytes(path, save({n: t.contiguous() for n, t in tensors.items()}, metadata))


def read_checkpoint(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what `write_checkpoint` wrote.

    Raises
    ------
    InputError
        FILE_NOT_FOUND; OUT_OF_RANGE for its size; INVALID_INPUT: it is damaged, or of another
        version.
    """
    check_file(path, 'checkpoint', _LIMIT)
    with reading(f"'{path}' is no checkpoint of a training"):
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        training = metadata.get('training', '{}')
        told = json.loads(training)
    if metadata.get('version') != VERSION:
        raise InputError(
            f"'{path}' is a checkpoint of version {metadata.get('version')!r}; expected"
            f' {VERSION!r}. Train anew, in another folder.'
        )
    if metadata.get('digest') != _digest(tensors, training):
        raise InputError(f"'{path}' is no checkpoint of a training (its content is damaged).")
    return tensors, told


def _digest(tensors: dict[str, torch.Tensor], training: str) -> str:
    """SHA-256 of all that a checkpoint holds."""
    found = hashlib.sha256(training.encode())
    for name, tensor in sorted(tensors.items()):
        found.update(name.encode())
        found.update(tensor.detach().contiguous().cpu().numpy().tobytes())
    return found.hexdigest()
