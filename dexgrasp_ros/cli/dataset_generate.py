"""``dexgrasp dataset generate``: grasps of every object by every hand, in shards."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dexgrasp_ros.cli.dataset_run import ends_like_ctrl_c, finish_run, open_executor, run_bar
from dexgrasp_ros.cli.hands import XacroArgs, read_xacro_args
from dexgrasp_ros.cli.settings import options_of
from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.dataset.config import PLANNED, DatasetConfig

if TYPE_CHECKING:
    from dexgrasp_ros.dataset.work.report import RunReport

DatasetOptions = options_of(DatasetConfig, leave_out=('device', 'search', 'shaken_share'))
SearchOptions = options_of(SynthesisConfig, leave_out=PLANNED)


@dataclass(frozen=True, kw_only=True)
class Generate:
    """Let objects come to rest, search for grasps, evaluate them, and write them in shards.

    Run it again at any time: what is there is kept, what is missing or failed is made.
    """

    objects: Path
    """Folder of meshes; an objects.csv in it tells their licenses (file,license,source)."""
    out: Path
    """Folder of the dataset, new or begun."""
    hands: tuple[str, ...] = ('allegro', 'barrett', 'shadow')
    """Names of hands of the package, or paths of URDFs or xacro files."""
    xacro_args: XacroArgs = ()
    """Values of arguments of those hands that are xacro files: side:=left length:=0.1"""
    grasps_per_object: int = 1000
    """Grasps of each object by each hand."""
    evaluate: str = 'all'
    """Which grasps are shaken: all, none, or so many of them by lot, as in share:0.1"""
    license: str = 'unknown'
    """Of the meshes that no objects.csv tells about."""
    device: str = 'auto'
    """Of the searches: 'cpu', 'cuda', 'cuda:1' …, several as 'cuda:0,cuda:1', with a process
    each; 'auto' takes all GPUs if there are any."""
    processes: int | None = None
    """Worker processes on this machine's CPU; default: one for each core."""
    ray: str | None = None
    """Run on Ray: the address of a cluster, 'auto' to find it, 'local' to start one here."""
    shard_index: int = 0
    """With --shard-count n: make every n-th unit only, beginning with this one."""
    shard_count: int = 1
    """How many machines share the units, as in a Slurm array or an indexed job."""
    retries: int = 2
    """How often a task that failed is tried again."""
    overwrite: bool = False
    """Make anew what was made with other settings: all of that is removed first, also grasps of
    hands and objects that are not named here, and images."""
    json: bool = False
    """End with one line of JSON."""
    settings: DatasetOptions = dataclasses.field(default_factory=DatasetOptions)
    """Settings of the dataset."""
    search: SearchOptions = dataclasses.field(default_factory=SearchOptions)
    """Settings of the searches."""

    def run(self) -> None:
        """Generate, and say how it went.

        Raises
        ------
        DexGraspError
            Units could not be made; the code is that of the first of them.
        """
        from rich.console import Console

        from dexgrasp_ros.dataset.generation.generate import generate

        console = Console(stderr=self.json)
        xacro_args = read_xacro_args(self.xacro_args)
        config = DatasetConfig(
            **dataclasses.asdict(self.settings),
            shaken_share=_read_share(self.evaluate),
            search=SynthesisConfig(**dataclasses.asdict(self.search)),
        )
        with (
            ends_like_ctrl_c(),
            open_executor(self.ray, self.processes, self.device) as executor,
            run_bar(console, 'grasps') as show,
        ):
            report = generate(
                self.out,
                hands=self.hands,
                xacro_args=xacro_args,
                objects=self.objects,
                grasps_per_object=self.grasps_per_object,
                executor=executor,
                config=config,
                license=self.license,
                shard_index=self.shard_index,
                shard_count=self.shard_count,
                retries=self.retries,
                overwrite=self.overwrite,
                progress=show,
            )
        finish_run(
            console,
            report,
            self.out,
            summary=_summary(report),
            things='units were not made',
            json=self.json,
        )


def _read_share(text: str) -> float:
    """Share of the grasps that are shaken.

    Raises
    ------
    InputError
        INVALID_INPUT, with what is valid.
    """
    kind, _, number = text.partition(':')
    share = {'all': 1.0, 'none': 0.0}.get(text, math.nan)
    if kind == 'share':
        with contextlib.suppress(ValueError):
            share = float(number)
    if not 0.0 <= share <= 1.0:
        raise InputError(
            f"--evaluate is '{text}'; expected all, none, or share: and a number from 0 to 1, as"
            ' in share:0.1.'
        )
    return share


def _summary(report: RunReport) -> str:
    held = f', {100 * report.held / report.shaken:.0f} % held' if report.shaken else ''
    if report.shaken < report.grasps:
        held = f', {report.shaken} of them shaken{held}'
    short = f'; searches found {report.short} fewer than wanted' if report.short else ''
    return (
        f'{report.made} units made, {report.skipped} were there, {report.lost} lost; '
        f'{report.grasps} new grasps{held}{short}'
    )
