"""``dexgrasp demo``: the whole ROS graph on one depth frame, to joint targets and a picture."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

from dexgrasp_ros.cli.hands import XacroArgs, hand_file, read_xacro_args
from dexgrasp_ros.cli.interrupts import stop_flag

_MOST_OBJECTS = 30


def demo(
    *,
    scene: Path | None = None,
    closed_loop: bool = False,
    clear_table: bool = False,
    objects: int = 4,
    object: Path | None = None,
    hand: str = 'allegro',
    root: str | None = None,
    xacro_args: XacroArgs = (),
    label: int = -1,
    max_grasps: int = 8,
    seed_count: int = 128,
    random_seed: int = 0,
    device: str = 'auto',
    out: Path = Path('out/demo'),
    headless: bool = False,
    port: int = 8080,
    json: bool = False,
) -> None:
    """Start the nodes, feed them a depth frame, call the action, show what came.

    Parameters
    ----------
    scene
        File with depth and K (.npz), perhaps seg; without seg, what stands on the table is
        labelled. Without a file, a scene that the package renders itself.
    closed_loop
        Simulate hand, table and objects, carry the best grasp out, and say whether it lifted its
        object: 8 cm above the table for 3 s, by contact alone.
    clear_table
        Simulate a heap of objects, and take them away one after the other until none is left or
        three attempts on each have failed.
    objects
        How many there are in the heap, 1 to 30.
    object
        Mesh [m] that stands on the simulated table; by default the package's own objects.
    hand
        Name of a hand of the package, or path of a URDF or xacro file.
    root
        Link whose subtree is the hand.
    xacro_args
        Values of a xacro file's arguments: side:=left length:=0.1
    label
        Which object of the frame; -1 for all.
    max_grasps
        Grasps for each object.
    seed_count
        Candidates for each object.
    random_seed
        Start of all random numbers.
    device
        Where kernels run: cpu, cuda, or auto.
    out
        Folder for the pictures.
    headless
        End when the work is done, without a page.
    port
        Of the web page, which shows the work, and the graph after it until Ctrl-C; 0: any that
        is free.
    json
        End with one line of JSON.
    """
    from rich.console import Console

    from dexgrasp_ros.cli.demo_page import DemoPage
    from dexgrasp_ros.cli.demo_report import draw_grasps, print_result, summary
    from dexgrasp_ros.cli.report import load_status, print_json
    from dexgrasp_ros.hand import load_hand

    console = Console(stderr=json)
    clock = time.perf_counter()
    values = read_xacro_args(xacro_args)
    with load_status(console) as show:
        model = load_hand(hand, root=root, xacro_args=values, progress=show)
    out.mkdir(parents=True, exist_ok=True)
    if root is not None or values:
        hand = str(hand_file(model, out))  # for the nodes, which load it themselves
    _check_together(closed_loop, clear_table, scene, object, objects)
    page = None if headless else DemoPage(port)
    if clear_table:
        heap = {'count': objects, 'seed_count': seed_count, 'random_seed': random_seed}
        _clear(console, out, page, json, hand=hand, mesh=object, device=device, **heap)
        return
    if closed_loop:
        goal = {'label': label, 'hand': hand, 'max_grasps': max_grasps}
        goal |= {'seed_count': seed_count, 'random_seed': random_seed}
        _close_loop(console, out, object, device, json, page, goal)
        return
    scene, has_labels = _scene_file(scene, out, random_seed)
    if not has_labels:
        console.print('No labels in the scene: tabletop_segmentation_node makes them.')
    # Logs of the nodes would hide the bar: they are kept, and shown where something goes wrong.
    log = (out / 'nodes.log').open('w', encoding='utf-8')
    with contextlib.ExitStack() as stack:
        stack.enter_context(log)
        client = _start(stack, console, scene, hand, device, not has_labels, log, page)
        console.print(f'The graph runs after {time.perf_counter() - clock:.1f} s.')
        response = client.reconstruct([] if label < 0 else [label])
        _raise_if_empty(response.objects.objects, response)
        frame_id = response.objects.objects[0].header.frame_id
        reply = _call(
            console,
            client,
            label=label,
            hand=hand,
            max_grasps=max_grasps,
            seed_count=seed_count,
            random_seed=random_seed,
            reference_frame=frame_id,
        )
        print_result(console, reply.result)
        pictures = draw_grasps(model, scene, response.objects.objects, reply.result, out)
        for picture in pictures:
            console.print(f'Picture: {picture}')
        if json:
            print_json(summary(reply.result, pictures, time.perf_counter() - clock))
        if not reply.result.grasps.grasps:
            reply.check()
        _serve(console, page)


def _check_together(
    closed_loop: bool, clear_table: bool, scene: Path | None, mesh: Path | None, count: int
) -> None:
    """Refuse options of the one kind of demo in the other."""
    from dexgrasp_ros.core.errors import ErrorCode, InputError

    if closed_loop and clear_table:
        raise InputError("'--closed-loop' lifts one object; expected it or '--clear-table'.")
    if not 1 <= count <= _MOST_OBJECTS:
        raise InputError(
            f"'--objects' is {count}; expected 1 to {_MOST_OBJECTS}.", ErrorCode.OUT_OF_RANGE
        )
    if clear_table and scene is not None:
        raise InputError("'--scene' is a recorded image; expected none with '--clear-table'.")
    if closed_loop and scene is not None:
        raise InputError("'--scene' is a recorded image; expected none with '--closed-loop'.")
    if mesh is not None and not (closed_loop or clear_table):
        raise InputError(
            "'--object' stands on the table of '--closed-loop' or '--clear-table'; expected both."
        )


def _close_loop(
    console: Any,
    out: Path,
    mesh: Path | None,
    device: str,
    json: bool,
    page: Any,
    goal: dict[str, Any],
) -> None:
    from dexgrasp_ros.cli.closed_loop import run_closed_loop
    from dexgrasp_ros.cli.report import print_json

    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    with (
        (out / 'nodes.log').open('w', encoding='utf-8') as log,
        contextlib.ExitStack() as stack,
    ):
        found = run_closed_loop(
            stack,
            console,
            hand=goal.pop('hand'),
            mesh=mesh,
            log=log,
            device=device,
            out=out,
            page=page,
            **goal,
        )
        if json:
            print_json(found)
        _serve(console, page)


def _clear(console: Any, out: Path, page: Any, json: bool, **heap: Any) -> None:
    from dexgrasp_ros.cli.clear_table import run_clear_table
    from dexgrasp_ros.cli.report import print_json

    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    with (
        (out / 'nodes.log').open('w', encoding='utf-8') as log,
        contextlib.ExitStack() as stack,
    ):
        found = run_clear_table(stack, console, log=log, out=out, page=page, **heap)
        if json:
            print_json(found)
        _serve(console, page)


def _serve(console: Any, page: Any) -> None:
    """Let the graph and its page run on until Ctrl-C, if there is one."""
    if page is None:
        return
    page.wait_until_served()
    # From the first word of it Ctrl-C is the way to end, and no failure.
    with stop_flag() as is_stopped:
        console.print(f'The graph runs on (ROS_DOMAIN_ID={_domain()}); end it with Ctrl-C.')
        console.print(f'Its page: {page.url}')
        while not is_stopped():
            time.sleep(0.1)


def _domain() -> int:
    return int(os.environ.get('ROS_DOMAIN_ID', '0'))


def _scene_file(scene: Path | None, out: Path, seed: int) -> tuple[Path, bool]:
    """Check a scene file before processes start, or render the package's own.

    Returns its path, and whether it has labels.
    """
    from dexgrasp_ros.core.depth_frame import load_scene
    from dexgrasp_ros.simulation import make_demo_scene, save_scene

    if scene is None:
        scene = out / 'scene.npz'
        frame = make_demo_scene(random_seed=seed)
        save_scene(frame, scene)
    else:
        frame = load_scene(scene)
    return scene.resolve(), frame.labels is not None


def _start(
    stack: contextlib.ExitStack,
    console: Any,
    scene: Path,
    hand: str,
    device: str,
    segmentation: bool,
    log: Any,
    page: Any,
) -> Any:
    """Start the nodes and return a client that they answer."""
    from dexgrasp_ros.bridge import GraspClient
    from dexgrasp_ros.nodes.graph import start_graph

    # Only this machine: a demo must not talk to somebody's robot.
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    with console.status('Starting the nodes; the first time, kernels are compiled (20 s) …'):
        stack.enter_context(
            start_graph(
                scene=scene,
                hand=hand,
                device=device,
                segmentation=segmentation,
                viewer=page is not None,
                parameters=None if page is None else page.parameters(),
                log=lambda line: print(line, file=log),
            )
        )
        client = stack.enter_context(GraspClient())
        client.wait_until_ready(timeout=180.0)
    return client


def _call(console: Any, client: Any, **goal: Any) -> Any:
    """Call the action, with its feedback as a bar."""
    from dexgrasp_ros.cli.report import progress_bar
    from dexgrasp_ros.core.progress import Progress

    with progress_bar(console) as show:

        def feedback(message: Any) -> None:
            show(
                Progress(
                    phase=f'label {message.label}, {message.phase}',
                    fraction=message.fraction,
                    candidates=message.candidates,
                    best_score=message.best_score,
                    elapsed=message.elapsed,
                )
            )

        return client.synthesize(feedback=feedback, timeout=600.0, **goal)


def _raise_if_empty(objects: Any, response: Any) -> None:
    from dexgrasp_ros.core.errors import DexGraspError, ErrorCode

    if not len(objects):
        raise DexGraspError(response.error_message, ErrorCode(response.error_code))
