"""`reconstruction_node` that fuses views of one scene from several places."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from std_srvs.srv import Trigger

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import mesh_arrays
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.nodes.graph import start_graph

PARAMETERS = {'fixed_frame': 'world', 'tf_timeout': 0.3, 'image_timeout': 1.0, 'max_age': 1.0}
BOX = [0.06, 0.06, 0.1]
OTHER = 8  # the label that the box has in the second view


class Stage:
    """A box that is shown from the front or from behind, and what the node makes of it."""

    def __init__(self, client, camera, views) -> None:
        self.client, self._camera, self._views = client, camera, views
        self.transforms = StaticTransformPublisher(client.node)
        self._services = {
            name: client.node.create_client(Trigger, name)
            for name in ('fuse_views', 'clear_views')
        }
        self._parameters = AsyncParameterClient(client.node, 'reconstruction_node')
        self._values: list[dict[str, str]] = []
        client.node.create_subscription(DiagnosticArray, '/diagnostics', self._note, standard())

    def show(self, side: str, camera: str = '') -> None:
        """Show one side, and wait until a request is answered from it."""
        view = self._views[side]
        self._camera.show(
            frame_id=f'camera_{camera or side}', depth=view['depth'], labels=view['seg']
        )
        time.sleep(1.2)  # older images are refused from now on

    def place(self, side: str) -> None:
        pose = matrix_to_pose(self._views[side]['T_world_cam'])
        self.transforms.publish('world', f'camera_{side}', 0, pose)

    def call(self, name: str) -> Trigger.Response:
        assert self._services[name].wait_for_service(30)
        return self._wait(self._services[name].call_async(Trigger.Request()))

    def set(self, **values) -> None:
        wanted = [Parameter(name, value=value) for name, value in values.items()]
        assert self._parameters.wait_for_services(30)
        (result,) = self._wait(self._parameters.set_parameters(wanted)).results
        assert result.successful, result.reason

    def until_views(self, count: int) -> None:
        """Wait for the number of fused views that diagnostics tell from now on."""
        self._values.clear()
        until = time.monotonic() + 60
        while not any(int(v['fused views']) == count for v in self._values):
            assert time.monotonic() < until, self._values[-1:]
            time.sleep(0.05)

    def _note(self, message) -> None:
        self._values.append({v.key: v.value for v in message.status[0].values})

    def _wait(self, future):
        until = time.monotonic() + 60
        while not future.done():
            assert time.monotonic() < until
            time.sleep(0.01)
        return future.result()


@pytest.fixture(scope='module')
def whole_stage(module_ros_domain, frame, camera_type, view_from):
    views = {'front': view_from(0.4), 'back': view_from(0.4 + np.pi)}
    views['back']['seg'] = np.where(views['back']['seg'] > 0, OTHER, 0)
    with (
        start_graph(
            nodes=['reconstruction_node'],
            parameters={'reconstruction_node': PARAMETERS},
            log=print,
        ),
        GraspClient() as client,
    ):
        client.wait_until_ready(120, grasps=False)
        camera = camera_type(module_ros_domain, frame)
        yield Stage(client, camera, views)
        camera.close()


@pytest.fixture
def stage(whole_stage):
    """Give the stage with no view fused."""
    assert whole_stage.call('clear_views').success
    yield whole_stage
    whole_stage.set(fuse=False)


def test_a_view_whose_place_is_unknown_is_not_fused(stage):
    stage.show('front', camera='nowhere')
    place = "'camera_nowhere' to 'world'"
    answer = retry(lambda: stage.call('fuse_views'), lambda a: place in a.message)
    assert not answer.success and place in answer.message


def test_views_are_meshed_in_the_fixed_frame_until_they_are_cleared(stage):
    stage.show('front')
    stage.place('front')
    answer = retry(lambda: stage.call('fuse_views'), lambda a: a.success)
    assert answer.message == 'View 1 shows objects [5].'
    (before,) = stage.client.reconstruct().objects.objects
    assert (before.header.frame_id, before.label, before.view_count) == ('world', 5, 1)
    vertices, _ = mesh_arrays(before.mesh)
    np.testing.assert_allclose(vertices.mean(axis=0)[:2], 0, atol=0.02)

    # A second view completes the object, whatever its label is there.
    stage.place('back')
    stage.show('back')
    assert retry(lambda: stage.call('fuse_views'), lambda a: a.success).success
    (found,) = stage.client.reconstruct().objects.objects
    assert (found.header.frame_id, found.label, found.view_count) == ('world', 5, 2)
    assert found.id == before.id
    assert found.observed_fraction > before.observed_fraction + 0.1
    vertices, _ = mesh_arrays(found.mesh)
    # A pixel is 2 mm wide there; one view alone is told apart from this by its fraction.
    np.testing.assert_allclose(np.ptp(vertices, axis=0), BOX, atol=0.012)

    # Clearing makes the newest frame count again.
    assert stage.call('clear_views').success
    response = stage.client.reconstruct()
    assert response.error_code == ErrorCode.SUCCESS, response.error_message
    (found,) = response.objects.objects
    assert (found.header.frame_id, found.label) == ('camera_back', OTHER)
    assert found.view_count == 1


def test_views_are_fused_as_they_come_but_not_twice_from_one_place(stage):
    stage.place('front')
    stage.place('back')
    stage.show('back')
    stage.set(fuse=True)
    stage.until_views(1)
    time.sleep(1.0)
    stage.until_views(1)
    stage.show('front')
    stage.until_views(2)
    (found,) = stage.client.reconstruct().objects.objects
    assert (found.header.frame_id, found.view_count) == ('world', 2)


def retry(call, is_enough):
    """Call until what was sent has arrived."""
    until = time.monotonic() + 30
    answer = call()
    while not is_enough(answer) and time.monotonic() < until:
        answer = call()
    assert is_enough(answer), answer
    return answer
