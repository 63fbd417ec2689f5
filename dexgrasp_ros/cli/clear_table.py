"""``dexgrasp demo --clear-table``: a heap of objects, attempt after attempt, until none is left.

MuJoCo takes the place of robot and camera, as with ``--closed-loop``; the action `clear_table`
does the rest.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from dexgrasp_ros.bridge import GraspClient
from dexgrasp_ros.bridge.geometry import mesh_arrays
from dexgrasp_ros.bridge.simulation_watch import SimulationWatch
from dexgrasp_ros.cli.demo_page import DemoPage
from dexgrasp_ros.cli.report import load_status, timing_table
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.simulation import render_moments, save_picture, stand_objects

OUTSIDE = 0.35  # m from the middle of the table, where no object of the heap is
_TIMEOUT = 3600.0  # s for all attempts
_MOST_PANELS = 8  # of the film strip that show attempts


def run_clear_table(
    stack: contextlib.ExitStack,
    console: Console,
    *,
    hand: str,
    mesh: Path | None,
    count: int,
    log: Any,
    device: str,
    out: Path,
    page: DemoPage | None,
    seed_count: int,
    random_seed: int,
) -> dict[str, Any]:
    """Do it all and return what ``--json`` prints.

    Parameters
    ----------
    stack
        Closes the graph in the end.
    console
        Where it is told.
    hand
        Name or URDF of the hand.
    mesh
        What the heap is of; None: the package's own objects.
    count
        How many objects there are.
    log
        File for the logs of the nodes.
    device
        Of the search.
    out
        Folder for the film strip.
    page
        Where the graph is shown; None: nowhere.
    seed_count, random_seed
        Candidates for each object; start of all random numbers, the heap's included.
    """
    clock = time.perf_counter()
    with load_status(console) as show:
        model = load_hand(hand, progress=show)
    meshes = [] if mesh is None else [mesh.resolve()]
    with console.status('Cutting the objects into convex pieces; kept for the next time …'):
        stand_objects(meshes, random_seed=random_seed, count=count, heaped=True)
    world = {
        'objects': ','.join(map(str, meshes)),
        'random_seed': random_seed,
        'object_count': count,
        'heaped': True,
    }
    clearing = {'seed_count': seed_count, 'random_seed': random_seed}
    with console.status('Starting the nodes; the first time, kernels are compiled (20 s) …'):
        stack.enter_context(
            start_graph(
                hand=hand,
                device=device,
                closed_loop=True,
                clearing=True,
                viewer=page is not None,
                parameters={
                    'sim_hand_node': world,
                    'clear_table_node': clearing,
                    **({} if page is None else page.parameters()),
                },
                log=lambda line: print(line, file=log, flush=True),
            )
        )
        client = stack.enter_context(GraspClient())
        watch = SimulationWatch(client.node, model)
        client.wait_until_ready(timeout=240.0, execution=True, clearing=True)
        watch.wait(lambda: bool(watch.objects) and watch.now > 0, 120.0, 'The simulated world')
        watch.wait_for_image()
    names = ', '.join(o.name for label, o in watch.objects.items() if label)
    console.print(
        f'The graph runs after {time.perf_counter() - clock:.1f} s; in the heap: {names}.'
    )
    moments = Moments(watch)
    with console.status('Clearing …') as status:

        def follow(message: Any) -> None:
            status.update(_progress(message))
            moments.note(message)

        result = client.clear_table(timeout=_TIMEOUT, feedback=follow).result
    picture = out / 'clear_table.png'
    save_picture(moments.draw(model, result.reports), picture)
    console.print(f'Picture: {picture}')
    _tell(console, result)
    away = [np.linalg.norm(pose[:2]) for pose in watch.object_poses().values()]
    found = {
        'objects': len(away),
        'cleared': int(np.sum(np.array(away) > OUTSIDE)),
        'attempts': result.attempts,
        'seen': result.objects,
        'told_cleared': result.cleared,
        'left': list(result.left),
        'reports': [_report(r) for r in result.reports],
        'pictures': [str(picture)],
        'error_code': result.error_code,
        'error_message': result.error_message,
        'timing': {t.phase: t.seconds for t in result.timing}
        | {'demo': time.perf_counter() - clock},
    }
    console.print(
        f'{found["cleared"]} of {found["objects"]} objects are off the table after'
        f' {found["attempts"]} attempts.'
    )
    return found


class Moments:
    """When attempts of a clearing came to what a picture shows of them.

    Parameters
    ----------
    watch
        Records where everything is.
    """

    def __init__(self, watch: SimulationWatch) -> None:
        self._watch = watch
        watch.forget()
        self._begin = watch.now
        self._times: dict[int, float] = {}  # s, the end of the lift, by attempt

    def note(self, message: Any) -> None:
        """Take a feedback of the action."""
        if message.phase == 'check' or (message.phase == 'home' and message.attempt):
            self._times.setdefault(message.attempt, self._watch.now)

    def draw(self, hand: HandModel, reports: Sequence[Any]) -> np.ndarray:
        """Draw the heap, what each attempt had lifted, and what is left, side by side."""
        watch = self._watch
        shown = {'the heap': self._begin}
        for report in reports[:_MOST_PANELS]:
            if report.number in self._times:
                name = f'{report.number}: {report.object_id}, {report.outcome}'
                shown[name] = self._times[report.number]
        shown['in the end'] = watch.now
        poses = [watch.object_poses(time) for time in shown.values()]
        objects = [
            (*mesh_arrays(thing.mesh), np.array([there[label] for there in poses]))
            for label, thing in watch.objects.items()
            if label
        ]
        links = np.array([watch.link_poses(time) for time in shown.values()])
        return render_moments(hand, links, objects, captions=list(shown))


def _progress(message: Any) -> str:
    what = f' {message.object_id}' if message.object_id else ''
    return f'Attempt {message.attempt}: {message.phase}{what}, {message.cleared} cleared'


def _report(report: Any) -> dict[str, Any]:
    return {
        'number': report.number,
        'object_id': report.object_id,
        'label': report.object_label,
        'outcome': report.outcome,
        'message': report.message,
        'error_code': report.error_code,
        'score': report.grasp.quality.score,
        'timing': {t.phase: t.seconds for t in report.timing},
    }


def _tell(console: Console, result: Any) -> None:
    table = Table('attempt', 'object', 'outcome', '', title='Attempts')
    for report in result.reports:
        table.add_row(str(report.number), report.object_id, report.outcome, report.message)
    console.print(table)
    console.print(timing_table({t.phase: t.seconds for t in result.timing}))
    if result.error_code:
        console.print(f'[red]{ErrorCode(result.error_code).name}:[/] {result.error_message}')
