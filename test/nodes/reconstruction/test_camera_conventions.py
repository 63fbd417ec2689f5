"""Recordings of three drivers' topics, raw and compressed, with a lens and without, to grasps."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
from box_view import LABEL, view_of_box
from drivers import DRIVERS, write_bag
from rclpy.context import Context
from rclpy.serialization import deserialize_message

from dexgrasp_ros.bridge.camera import depth_frame
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import mesh_arrays
from dexgrasp_ros.bridge.message_types import message_class
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.dataset.formats.bags import BagReader
from dexgrasp_ros.nodes.bags.player import BagPlayer
from dexgrasp_ros.nodes.graph import start_graph

CASES = list(itertools.product(DRIVERS, (False, True), (False, True)))
IDS = [
    f'{driver}-{"compressed" if compressed else "raw"}-{"distorted" if distorted else "straight"}'
    for driver, compressed, distorted in CASES
]
SEARCH = {'synthesis.seed_count': 16, 'synthesis.iterations': 60}


@pytest.mark.parametrize(('driver', 'compressed', 'distorted'), CASES, ids=IDS)
def test_a_recording_is_the_same_frame_whatever_its_convention(
    tmp_path, driver, compressed, distorted
):
    remap = write_bag(
        tmp_path / 'bag',
        DRIVERS[driver],
        compressed=compressed,
        distorted=distorted,
        label=LABEL,
    )
    with BagReader(tmp_path / 'bag') as reader:
        kinds = {t.name: t.kind for t in reader.topics}
        messages = {
            remap[topic]: deserialize_message(data, message_class(kinds[topic]))
            for topic, _, data in reader.messages()
        }
    info = messages.pop('/depth/camera_info')
    depth, labels = (messages[topic] for topic in sorted(messages))  # /depth…, /segmentation…
    frame = depth_frame(depth, info, labels)
    ideal = view_of_box()
    seen = (frame.depth > 0) & (frame.labels == ideal['seg'])
    assert seen.mean() > 0.75
    # Millimetres, or inverse depth in steps of z² / 10100; and half a pixel of a slope.
    slope = np.hypot(*np.gradient(ideal['depth']))
    error = np.abs(frame.depth - ideal['depth']) - slope * distorted
    assert np.quantile(error[seen], 0.995) < 6e-4


@pytest.fixture(scope='module')
def client(module_ros_domain):
    with (
        start_graph(
            nodes=['reconstruction_node', 'grasp_node'],
            parameters={'reconstruction_node': {'max_age': 2.0}, 'grasp_node': SEARCH},
            log=print,
        ),
        GraspClient() as client,
    ):
        client.wait_until_ready(120)
        yield client


class Loop:
    """Plays a recording again and again, from a process of its own as far as ROS knows."""

    def __init__(self, folder, remap: dict[str, str], domain: int) -> None:
        self._context, self._stop = Context(), threading.Event()
        rclpy.init(context=self._context, domain_id=domain)
        self._node = rclpy.create_node('player', context=self._context)
        self._folder, self._remap = folder, remap
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with BagReader(self._folder) as reader:
            player = BagPlayer(self._node, reader, remap=self._remap, restamp=True)
            while not self._stop.wait(0.2):
                player.play(self._stop.is_set)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._node.destroy_node()
        self._context.try_shutdown()


@pytest.mark.slow
@pytest.mark.parametrize(('number', 'case'), list(enumerate(CASES, 1)), ids=IDS)
def test_a_recording_that_is_played_becomes_grasps(
    client, module_ros_domain, tmp_path, number, case, record_property
):
    driver, compressed, distorted = case
    remap = write_bag(
        tmp_path / 'bag',
        DRIVERS[driver],
        compressed=compressed,
        distorted=distorted,
        label=number,
    )
    with Loop(tmp_path / 'bag', remap, module_ros_domain):
        until = time.monotonic() + 120
        response = client.reconstruct([number])
        while response.error_code and time.monotonic() < until:
            response = client.reconstruct([number])
        assert response.error_code == ErrorCode.SUCCESS, response.error_message
        (found,) = response.objects.objects
        reply = client.synthesize(label=number, max_grasps=8, timeout=120)
    grasps = reply.check().grasps.grasps
    record_property('grasps', len(grasps))
    print(f'{IDS[number - 1]}: {len(grasps)} grasps')
    assert grasps
    vertices, _ = mesh_arrays(found.mesh)
    T = view_of_box()['T_world_cam']
    world = vertices @ T[:3, :3].T + T[:3, 3]
    np.testing.assert_allclose(np.ptp(world, axis=0), [0.06, 0.06, 0.1], atol=0.025)
