"""``dexgrasp train``: a model that predicts grasps, from a dataset of grasps."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from dexgrasp_ros.cli.settings import options_of
from dexgrasp_ros.learning.config import TrainingConfig

TrainingOptions = options_of(TrainingConfig)


def train(
    dataset: tyro.conf.Positional[Path],
    /,
    *,
    out: Path,
    hands: tuple[str, ...] = (),
    device: str = 'auto',
    threads: int = 0,
    json: bool = False,
    settings: Annotated[TrainingOptions, tyro.conf.arg(name='')] = TrainingOptions(),  # noqa: B008
) -> None:
    """Train a model that predicts grasps; needs PyTorch, the extra 'learning'.

    Run it again after it was stopped, or killed: it goes on from the last checkpoint.

    Parameters
    ----------
    dataset
        Folder that `dexgrasp dataset generate` wrote.
    out
        Folder for the checkpoint, curves.png, and at the end model/, which `dexgrasp predict`
        takes.
    hands
        Names of hands of the dataset; default: all.
    device
        Of PyTorch: cpu, cuda, or auto for CUDA where there is a GPU.
    threads
        Of PyTorch on the CPU; 0: one for each core.
    json
        End with one line of JSON.
    settings
        Of training and networks.
    """
    from rich.console import Console

    from dexgrasp_ros.cli.report import print_json
    from dexgrasp_ros.cli.training_set import read_training_objects
    from dexgrasp_ros.cli.work_bar import work_bar
    from dexgrasp_ros.core.errors import InputError
    from dexgrasp_ros.learning.hand_tokens import describe_hand

    try:
        import torch

        from dexgrasp_ros.learning.train import train as train_model
    except ImportError as error:
        raise InputError(
            f"Training needs PyTorch, which is not there ({error}); `pip install 'dexgrasp-ros"
            "[learning]'`."
        ) from error

    console = Console(stderr=json)
    config = TrainingConfig(**dataclasses.asdict(settings))
    if threads > 0:
        torch.set_num_threads(threads)
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    training, models = read_training_objects(dataset, hands, 'train')
    validation, _ = read_training_objects(dataset, hands, 'validation')
    console.print(f'{len(training)} objects to train on, {len(validation)} to validate on')
    with work_bar(console, 'steps') as show:
        facts = train_model(
            training,
            validation,
            {name: describe_hand(model) for name, model in models.items()},
            out,
            config,
            device=device,
            progress=lambda moment: show(
                moment.step, moment.steps, f'loss {moment.losses["flow, training"]:.3f}'
            ),
        )
    losses = ', '.join(f'{name} {value:.4f}' for name, value in facts['losses'].items())
    console.print(f'Losses: {losses}', f'Written to {out}', sep='\n', highlight=False)
    if json:
        print_json({**facts, 'out': str(out), 'model': str(out / 'model')})
