"""``dexgrasp demo --closed-loop``: see an object, find a grasp, carry it out, lift, and judge.

MuJoCo takes the place of robot and camera; everything else is the graph as it runs on a robot,
and is reached through its topics and actions only.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from dexgrasp_ros.bridge import GraspClient
from dexgrasp_ros.bridge.attempt import Attempt, attempt_grasp
from dexgrasp_ros.bridge.geometry import mesh_arrays
from dexgrasp_ros.bridge.simulation_watch import SimulationWatch
from dexgrasp_ros.cli.demo_page import DemoPage
from dexgrasp_ros.cli.demo_report import print_result, summary
from dexgrasp_ros.cli.report import load_status
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.graph import start_graph
from dexgrasp_ros.simulation import render_moments, save_picture, stand_objects

_SHOWN = {
    'pregrasp': 'the object is seen',
    'grasp': 'pre-grasp',
    'lift': 'held',
    'end': 'lifted',
}


def run_closed_loop(
    stack: contextlib.ExitStack,
    console: Console,
    *,
    hand: str,
    mesh: Path | None,
    log: Any,
    device: str,
    out: Path,
    page: DemoPage | None,
    **goal: Any,
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
        What stands on the table; None: the package's own objects.
    log
        File for the logs of the nodes.
    device
        Of the search.
    out
        Folder for the picture.
    page
        Where the graph is shown; None: nowhere.
    goal
        Fields of the goal of `synthesize_grasps`.
    """
    clock = time.perf_counter()
    with load_status(console) as show:
        model = load_hand(hand, progress=show)
    meshes = [] if mesh is None else [mesh.resolve()]
    with console.status('Cutting the objects into convex pieces; kept for the next time …'):
        stand_objects(meshes)
    with console.status('Starting the nodes; the first time, kernels are compiled (20 s) …'):
        world = {'objects': ','.join(map(str, meshes)), 'random_seed': goal['random_seed']}
        shown = {} if page is None else page.parameters()
        stack.enter_context(
            start_graph(
                hand=hand,
                device=device,
                closed_loop=True,
                viewer=page is not None,
                parameters={'sim_hand_node': world, **shown},
                log=lambda line: print(line, file=log, flush=True),
            )
        )
        client = stack.enter_context(GraspClient())
        watch = SimulationWatch(client.node, model)
        client.wait_until_ready(timeout=180.0, execution=True)
        watch.wait(lambda: bool(watch.objects) and watch.now > 0, 120.0, 'The simulated world')
        watch.wait_for_image()
    names = ', '.join(o.name for label, o in watch.objects.items() if label)
    console.print(
        f'The graph runs after {time.perf_counter() - clock:.1f} s; on the table: {names}.'
    )
    with console.status('Searching …'):
        reply = client.synthesize(timeout=600.0, **goal)
    print_result(console, reply.result)
    grasps = reply.check().grasps.grasps
    label = grasps[0].object_label
    with console.status(f'Lifting {watch.objects[label].name} …') as status:
        attempt = attempt_grasp(
            client,
            watch,
            grasps[0],
            feedback=lambda m: status.update(
                f'Lifting {watch.objects[label].name}: {m.phase}, {100 * m.fraction:.0f} %'
            ),
        )
    _tell(console, watch.objects[label].name, attempt)
    picture = out / 'closed_loop.png'
    save_picture(draw_attempt(model, watch, attempt), picture)
    console.print(f'Picture: {picture}')
    result = attempt.reply.result
    return summary(reply.result, [picture], time.perf_counter() - clock) | {
        'lifted': attempt.lifted,
        'cause': str(attempt.cause),
        'execution': {
            'label': label,
            'error_code': result.error_code,
            'error_message': result.error_message,
            'phases': {t.phase: t.seconds for t in result.timing},
            'height': float(attempt.course.heights()[-1]),
        },
    }


def draw_attempt(hand: HandModel, watch: SimulationWatch, attempt: Attempt) -> np.ndarray:
    """Draw the moments of an attempt side by side."""
    moments = [m for m in attempt.moments if m.name in _SHOWN]
    captions = dict(_SHOWN) if attempt.lifted else _SHOWN | {'end': str(attempt.cause)}
    objects = [
        (*mesh_arrays(o.mesh), np.array([m.objects[label] for m in moments]))
        for label, o in watch.objects.items()
        if label
    ]
    return render_moments(
        hand,
        np.array([m.links for m in moments]),
        objects,
        captions=[captions[m.name] for m in moments],
    )


def _tell(console: Console, name: str, attempt: Attempt) -> None:
    result, heights = attempt.reply.result, attempt.course.heights()
    if result.error_code:
        console.print(f'[red]execute_grasp ended in {result.phase}:[/] {result.error_message}')
    if attempt.lifted:
        console.print(
            f'[green]lifted[/]: {name} was at least 8 cm above the table for 3 s, in the end'
            f' {100 * heights[-1]:.1f} cm, held by contact alone.'
        )
    else:
        console.print(
            f'[red]dropped[/]: {attempt.cause}; {name} was {100 * heights.max():.1f} cm above the'
            ' table at most.'
        )
