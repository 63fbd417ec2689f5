"""Make the pictures of the documents anew, each by the program that it shows.

    scripts/pictures.py [NAME ...]      # of PICTURES; without a name all of them

They go to docs/images/. What a picture needs and the machine lacks is told in one line, the others
are made all the same, and the exit status is 1. `frames.svg` is a drawing and its own source.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / 'docs'
IMAGES = DOCS / 'images'
# Hands whose files may be shown, by the names of their pictures.
HANDS = {f'hand_{name}': name for name in ('allegro', 'barrett', 'shadow')}
HANDS['hand_simple_gripper'] = DOCS / 'hands' / 'simple_gripper.urdf'
DEXGRASP = (sys.executable, '-m', 'dexgrasp_ros.cli')
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
# Without a graphics card, and as root in a container.
BROWSER_ARGUMENTS = ('--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader')
CAMERAS = 'rig: stereo\nviews: 6\nradius: [0.45, 0.50]\nelevation: [0.60, 0.90]\n'
LABEL_COLORS = ((30, 30, 30), (61, 140, 60), (230, 80, 40))  # background, table, object


class Missing(Exception):
    """What this machine lacks, and where to get it."""


def demo(folder: Path) -> Any:
    """Draw the best grasp of the demo's bottle, from two sides."""
    run('demo', '--headless', '--out', folder)
    return opened(folder / 'label_1.png')


def closed_loop(folder: Path) -> Any:
    """Draw the moments of an attempt that lifts an object of the demo's table."""
    run('demo', '--closed-loop', '--headless', '--out', folder)
    return opened(folder / 'closed_loop.png')


def viewer(folder: Path) -> Any:
    """Show the demo's page, with the best grasp of the bottle selected."""
    with browser() as chromium, served('demo', '--port', '0', '--out', folder) as url:
        tab = chromium.new_page(viewport={'width': 1440, 'height': 810})
        tab.set_default_timeout(120_000)  # ms; software draws a frame a second on a busy machine
        tab.goto(url)
        # Where there is no graphics card the page says so, over the picture.
        tab.add_style_tag(content='[role=alert] {display: none !important}')
        tab.locator('.dg label', has_text='object_1').first.click()
        tab.wait_for_selector('.dg label.on:has-text("object_1")')
        shots = [tab.screenshot()]
        while len(shots) < 2 or shots[-1] != shots[-2]:  # until the camera stands still
            tab.wait_for_timeout(2000)
            shots.append(tab.screenshot())
    (folder / 'viewer.png').write_bytes(shots[-1])
    return opened(folder / 'viewer.png')


def dataset(folder: Path) -> Any:
    """Stereo images of three objects at rest: left with its box, right, depth, labels, normals."""
    from PIL import Image

    from dexgrasp_ros.dataset import open_dataset
    from dexgrasp_ros.simulation import demo_objects

    objects, out = folder / 'objects', folder / 'set'
    objects.mkdir()
    for name in ('bottle', 'box', 'mug'):
        getattr(demo_objects, f'make_{name}')().export(objects / f'{name}.ply')
    (folder / 'cameras.yaml').write_text(CAMERAS)
    # One grasp of each: a dataset begins with grasps, and this picture is about its images.
    one = ('--hands', 'barrett', '--grasps-per-object', '1', '--piece-threshold', '0.2')
    run('dataset', 'generate', '--objects', objects, '--out', out, *one)
    run('dataset', 'render', '--out', out, '--cameras', folder / 'cameras.yaml')
    data = open_dataset(out, 'barrett')
    rows = [stereo_row(data, name) for name in data.objects]
    picture = Image.new('RGB', (rows[0].width, sum(row.height for row in rows)))
    for i, row in enumerate(rows):
        picture.paste(row, (0, i * row.height))
    return picture


def hand(source: object, folder: Path) -> Any:
    """Draw a hand as `dexgrasp hand` does."""
    run('hand', source, '--png', folder / 'hand.png')
    return opened(folder / 'hand.png')


PICTURES: dict[str, Callable[[Path], Any]] = {
    **{f.__name__: f for f in (viewer, demo, closed_loop, dataset)},
    **{name: functools.partial(hand, source) for name, source in HANDS.items()},
}


def stereo_row(data: Any, name: str) -> Any:
    """Put images of an object side by side, at rest as it comes to rest most often."""
    import numpy as np
    from PIL import Image, ImageDraw

    frames = data.frames(name, scene=0)
    eyes, (x0, y0, x1, y1) = np.array(list(frames['eye'])), frames['box_2d'].T
    # The view that shows most of it.
    view = frames['view'][np.argmax((eyes == 'left') * (x1 - x0) * (y1 - y0))]
    chosen = [np.flatnonzero((eyes == e) & (frames['view'] == view))[0] for e in ('left', 'right')]
    left, right = (data.images(frames['key'][i]) for i in chosen)
    shown = left['depth'][left['seg'] > 0]
    near, far = shown.min(), shown.max()
    depth = 255 * np.clip((far - left['depth']) / (far - near), 0, 1) * (left['depth'] > 0)
    boxed = Image.fromarray(left['rgb'])
    box = [float(x) for x in frames['box_2d'][chosen[0]]]
    ImageDraw.Draw(boxed).rectangle(box, outline=(255, 0, 0), width=3)
    channels = [
        boxed,
        Image.fromarray(right['rgb']),
        Image.fromarray(depth.astype(np.uint8)).convert('RGB'),
        Image.fromarray(np.array(LABEL_COLORS, np.uint8)[left['seg']]),
        Image.fromarray((127.5 + 127.5 * left['normals']).astype(np.uint8)),
    ]
    row = Image.new('RGB', (250 * len(channels), 188))
    for i, channel in enumerate(channels):
        row.paste(channel.resize((250, 188), Image.Resampling.LANCZOS), (250 * i, 0))
    return row


def run(*words: object) -> None:
    """Run `dexgrasp`; say its last line where it fails."""
    done = subprocess.run(
        [*DEXGRASP, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise Missing(f'dexgrasp {words[0]}: {(done.stdout.splitlines() or ["?"])[-1]}')


@contextlib.contextmanager
def served(*words: object) -> Iterator[str]:
    """Run `dexgrasp` until it has a page, and as long as that is looked at; gives its address."""
    command = [*DEXGRASP, *map(str, words)]
    # Where this runs in the background, children would not hear Ctrl-C.
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        lines = []
        try:
            for line in process.stdout or ():
                lines.append(line)
                if found := re.search(r'http://\S+', line):
                    yield found.group()
                    return
            raise Missing(f'dexgrasp {words[0]} served no page: {(lines or ["?"])[-1].strip()}')
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()  # until its nodes have ended


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise Missing("playwright: pip install 'dexgrasp-ros[dev]'") from None
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise Missing(f'a browser, one of {", ".join(BROWSERS)}: apt-get install chromium')
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=list(BROWSER_ARGUMENTS))
        try:
            yield started
        except Error as error:
            raise Missing(f'what the page should show: {str(error).splitlines()[0]}') from None
        finally:
            started.close()


def opened(path: Path) -> Any:
    """Give a picture whose file may go."""
    from PIL import Image

    with Image.open(path) as image:
        return image.convert('RGB')


def main(names: list[str]) -> int:
    """Make the pictures of these names; return the exit status."""
    if unknown := set(names) - set(PICTURES):
        print(f'There is no picture {sorted(unknown)}; there are {sorted(PICTURES)}.')
        return 2
    # Only this machine: a demo must not talk to somebody's robot.
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    left = []
    for name in names or PICTURES:
        try:
            with tempfile.TemporaryDirectory() as folder:
                picture = PICTURES[name](Path(folder))
        except Missing as missing:
            print(f'{name}.png is as it was; missing: {missing}', flush=True)
            left.append(name)
            continue
        path = IMAGES / f'{name}.png'
        # Photographs and depth need all colours; the others are half as large with a few.
        small = picture if name == 'dataset' else picture.quantize(256)
        small.save(path, optimize=True)
        print(f'{path}: {path.stat().st_size // 1000} kB', flush=True)
    if left:
        print(f'Not made: {", ".join(left)}.')
    return int(bool(left))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
