"""``dexgrasp dataset export``: grasps of a dataset in the file formats of other software."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

if TYPE_CHECKING:
    from rich.console import Console

    from dexgrasp_ros.dataset.reading.grasp_dataset import GraspDataset


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write grasps of a dataset for other software."""

    dataset: tyro.conf.Positional[Path]
    """Folder of the dataset."""
    to: Literal['isaac_grasp', 'dexgraspbench']
    """isaac_grasp: a YAML file for each hand and object, <hand>/<object>.yaml. dexgraspbench: an
    .npy file for each grasp, and the objects, in the folders of that benchmark."""
    out: Path
    """Folder to write."""
    hands: tuple[str, ...] = ()
    """Which hands; by default all."""
    objects: tuple[str, ...] = ()
    """Which objects, by key or name; by default all."""
    grasps: Literal['held', 'failed', 'unshaken', 'all'] = 'held'
    """Which grasps, by the shake test; unshaken: those that it was not asked of."""
    clutter: int | None = None
    """Of them only those that are free on this cluttered table."""
    json: bool = False
    """End with one line of JSON."""

    def run(self) -> None:
        """Write the files.

        Raises
        ------
        InputError
            As from `open_dataset`; INVALID_INPUT: there are no such grasps.
        """
        from rich.console import Console
        from rich.progress import track

        from dexgrasp_ros.cli.report import print_json
        from dexgrasp_ros.core.errors import InputError
        from dexgrasp_ros.dataset.layout import DatasetLayout
        from dexgrasp_ros.dataset.reading.selection import known_hands, read_manifest

        console = Console(stderr=self.json)
        layout = DatasetLayout(self.dataset)
        hands = self.hands or tuple(known_hands(layout, read_manifest(layout)))
        counts: dict[str, dict[str, int]] = {}
        remove: dict[str, list[str]] = {}
        for hand in hands:
            opened = self._open(hand)
            if self.to == 'dexgraspbench':
                remove[hand] = self._prepare(opened, console)
            written = track(
                self._written(opened),
                description=hand,
                total=len(opened.objects),
                console=console,
                transient=True,
            )
            counts[hand] = dict(written)
            console.print(
                f'{sum(counts[hand].values())} grasps of {hand}, {len(counts[hand])} objects',
                highlight=False,
            )
        if not any(counts.values()):
            which = {'held': ' that held', 'failed': ' that failed', 'all': ''}
            which['unshaken'] = ' that were not shaken'
            raise InputError(
                f"'{self.dataset}' has no such grasps{which[self.grasps]}; nothing was written."
            )
        console.print(f'Written to {self.out}', highlight=False)
        if self.to == 'dexgraspbench' and self.grasps == 'held':
            console.print(
                'These held in our shake test: the share of them that the benchmark finds good is '
                'no success rate of the search; --grasps all exports what gives one.',
                highlight=False,
                soft_wrap=True,
            )
        if self.json:
            print_json({'grasps': counts, 'out': str(self.out), 'remove': remove})

    def _prepare(self, opened: GraspDataset, console: Console) -> list[str]:
        """Say what to remove, and what to run."""
        from dexgrasp_ros.cli.bench_export import tell_commands, warn_of_earlier
        from dexgrasp_ros.dataset.formats.dexgraspbench import SETTINGS, dataset_export

        export = dataset_export(opened, self.out)
        remove = warn_of_earlier(export, console)
        tell_commands(export, SETTINGS, console)
        return remove

    def _open(self, hand: str) -> GraspDataset:
        from dexgrasp_ros.dataset import open_dataset

        held = {'held': True, 'failed': False}.get(self.grasps)
        shaken = False if self.grasps == 'unshaken' else None
        return open_dataset(
            self.dataset,
            hand,
            objects=self.objects or None,
            held=held,
            shaken=shaken,
            clutter=self.clutter,
        )

    def _written(self, opened: GraspDataset) -> Iterator[tuple[str, int]]:
        if self.to == 'dexgraspbench':
            from dexgrasp_ros.dataset.formats.dexgraspbench import export_dexgraspbench

            return export_dexgraspbench(opened, self.out)
        return _isaac_files(opened, self.out)


def _isaac_files(opened: GraspDataset, out: Path) -> Iterator[tuple[str, int]]:
    """Write a file for each object that has grasps."""
    from dexgrasp_ros.core.names import path_within, safe_names
    from dexgrasp_ros.dataset import export_isaac_grasp

    folder = safe_names(opened.hands)[opened.hand]
    for object in opened.objects:
        file = path_within(out, folder, f'{object}.yaml')
        file.unlink(missing_ok=True)  # of an earlier export
        rows = opened.rows(object, ['held'])
        if rows and len(rows['held']):
            grasps = opened.grasp_set(object)
            export_isaac_grasp(grasps, file, object_frame=object)
            yield object, len(grasps)
