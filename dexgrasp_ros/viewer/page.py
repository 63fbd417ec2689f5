"""`GraspPage`: one web page, from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.viewer.panel import Panel
from dexgrasp_ros.viewer.server import close_server, open_server
from dexgrasp_ros.viewer.shown import (
    GRASP,
    ShownGrasps,
    ShownObject,
    hand_state,
    upright_pose,
)
from dexgrasp_ros.viewer.stage import Stage
from dexgrasp_ros.viewer.views import best_view

_FRICTION = SynthesisConfig().friction  # of the cones, where the grasps' settings do not say
# s after new grasps in which a click on Execute may still have been meant for the old ones
_SETTLE = 1.0


@dataclass(frozen=True, kw_only=True)
class Actions:
    """What the buttons do; called on viser's threads, so each should only start something."""

    reconstruct: Callable[[], None]
    synthesize: Callable[[], None]
    execute: Callable[[Any], None]  # with the `ShownGrasps.sources` entry of the selected grasp
    stop: Callable[[], None]


class GraspPage:
    """A live page with objects, one selected grasp in any moment of its motion, and tables.

    Browsers may come, go and be several; all see the same. Every method may be called from any
    thread.

    Parameters
    ----------
    host, port
        Where it is served; port 0 takes any that is free.
    title
        Of the panel.
    actions
        What the buttons do; without them there are none.

    Raises
    ------
    InputError
        OUT_OF_RANGE or INVALID_INPUT, where nothing can be served there.
    """

    def __init__(
        self,
        *,
        host: str = '127.0.0.1',
        port: int = 8080,
        title: str = 'dexgrasp',
        actions: Actions | None = None,
    ) -> None:
        self._server = open_server(host, port, title)
        self._host = host
        self._lock = threading.RLock()
        self._actions = actions
        self._objects: tuple[ShownObject, ...] = ()
        self._shown: ShownGrasps | None = None
        self._viewer: ArrayLike | None = None
        self._selected: int | None = None
        self._motion = GRASP
        self._busy = False
        self._changed = -np.inf  # s, monotonic, when the grasps changed
        self._framed: set[str] = set()
        self.stage = Stage(self._server)
        self.panel = Panel(
            self._server,
            on_select=self.select,
            on_motion=self.move,
            on_layer=self._show_layer,
            on_look=self._look,
        )
        if actions is not None:
            for name, icon, hint, call in (
                (
                    'Reconstruct',
                    'cube',
                    'mesh the objects of the newest image',
                    actions.reconstruct,
                ),
                ('Synthesise', 'hand-grab', 'search grasps of all objects', actions.synthesize),
                ('Execute', 'player-play', 'carry out the selected grasp', self._execute),
                ('Stop', 'player-stop', 'end what is under way', actions.stop),
            ):
                self.panel.add_button(name, icon, hint, call)
        self._update_buttons()

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host = '127.0.0.1' if self._host in ('0.0.0.0', '::', '') else self._host
        return f'http://{f"[{host}]" if ":" in host else host}:{self.port}'

    @property
    def port(self) -> int:
        """The port it is served at."""
        return self._server.get_port()

    @property
    def selected(self) -> int | None:
        """Which grasp is shown, None where there is none."""
        return self._selected

    @property
    def motion(self) -> float:
        """Where the hand is: 0 at the pregrasp, 1 at the grasp, 2 at the squeeze."""
        return self._motion

    def set_objects(
        self,
        objects: Sequence[ShownObject],
        *,
        up: ArrayLike = (0.0, 0.0, 1.0),
        viewer: ArrayLike | None = None,
    ) -> None:
        """Show these objects and no others.

        Parameters
        ----------
        objects
            Of one frame, which grasps are in too.
        up
            What is up [3] in that frame, where no object stands on a plane that says so.
        viewer
            Where the sensor stood [3], which the camera starts beside.
        """
        with self._lock:
            self._objects, self._viewer = tuple(objects), viewer
            self.stage.set_objects(self._objects, upright_pose(self._objects, up))
            self.panel.set_objects(self._objects)
            if self._objects:
                self._frame_once('objects')

    def set_grasps(self, shown: ShownGrasps | None) -> None:
        """Show these grasps, the best one selected; None or none of them clears the table."""
        with self._lock:
            self._shown = shown if shown is not None and len(shown.grasps) else None
            self._selected = None if self._shown is None else 0
            self._changed = time.monotonic()
            if self._shown is not None:
                self.stage.set_hand(self._shown.hand)
            self._update_selection()
            if self._shown is not None:
                self._frame_once('grasps')

    def select(self, index: int) -> None:
        """Show another grasp; one that is gone by now changes nothing."""
        with self._lock:
            if self._shown is None or not 0 <= index < len(self._shown.grasps):
                return
            before, self._selected = self._middle(self._selected), index
            self._update_selection()
            # To see a grasp of another object, the camera goes along.
            after = self._middle(index)
            if before is not None and after is not None and not np.array_equal(before, after):
                self.stage.pan(after - before)

    def move(self, motion: float) -> None:
        """Move the hand to a moment of the grasp: 0 pregrasp, 1 grasp, 2 squeeze."""
        with self._lock:
            self._motion = float(np.clip(motion, 0.0, 2.0))
            self.panel.slider.value = self._motion
            self._move_hand()

    def say(self, text: str, *, error: bool = False) -> None:
        """Show a sentence about how things stand."""
        with self._lock:
            self.panel.say(text, error=error)

    def set_progress(self, fraction: float | None) -> None:
        """Show that somebody works and how far it is, 0 to 1; None: nobody does any more."""
        with self._lock:
            self._busy = fraction is not None
            self.panel.set_progress(fraction)
            self._update_buttons()

    def close(self) -> None:
        """Stop serving."""
        close_server(self._server)

    def hand_link_poses(self) -> NDArray[np.float64] | None:
        """Poses [L, 7] of the links as shown, in the data's frame; None while no hand is shown."""
        with self._lock:
            if self._selected is None:
                return None
            q, base = hand_state(self._shown.grasps, self._selected, self._motion)
            return link_poses(self._shown.hand, q, base)

    def _execute(self) -> None:
        with self._lock:
            if self._selected is None or self._busy:
                return
            if time.monotonic() - self._changed < _SETTLE:
                self.say('The grasps have just changed; look again before executing one.')
                return
            source = self._shown.sources[self._selected]
        self._actions.execute(source)

    def _show_layer(self, layer: str, visible: bool) -> None:
        with self._lock:
            self.stage.show(layer, visible)

    def _update_selection(self) -> None:
        self.panel.set_grasps(self._shown, self._selected)
        self._move_hand()
        self._show_contacts()
        self._update_buttons()

    def _update_buttons(self) -> None:
        for name, enabled in (
            ('Reconstruct', not self._busy),
            ('Synthesise', not self._busy),
            ('Execute', not self._busy and self._selected is not None),
            ('Stop', self._busy),
        ):
            self.panel.enable_button(name, enabled)

    def _move_hand(self) -> None:
        self.stage.move_hand(self.hand_link_poses())

    def _show_contacts(self) -> None:
        if self._selected is None:
            self.stage.set_contacts((), (), (), _FRICTION)
            return
        grasps, row = self._shown.grasps, self._selected
        vectors = np.hstack(
            [grasps.contact_points[row], grasps.contact_normals[row], grasps.contact_forces[row]]
        )
        used = (grasps.contact_links[row] >= 0) & np.isfinite(vectors).all(axis=1)
        self.stage.set_contacts(
            grasps.contact_points[row][used],
            grasps.contact_normals[row][used],
            grasps.contact_forces[row][used],
            float(grasps.config.get('friction', _FRICTION)),
        )

    def _middle(self, index: int) -> NDArray[np.float64] | None:
        """Middle [3] m of the object that a grasp holds; None where it is not shown."""
        name = self._shown.objects[index]
        held = next((o for o in self._objects if o.name == name), None)
        return None if held is None else held.vertices.mean(axis=0)

    def _frame_once(self, kind: str) -> None:
        """Turn the camera to the first objects and the first grasp; then it is the user's."""
        if kind not in self._framed:
            self._framed.add(kind)
            self._look(None)

    def _look(self, client: Any) -> None:
        """Look at everything from where most of the contacts is seen, in one browser or all."""
        with self._lock:
            grasp = None if self._selected is None else (self._shown, self._selected)
            view = best_view(
                self._objects, grasp, self.hand_link_poses(), self.stage.up(), self._viewer
            )
            if view is not None:
                self.stage.frame_camera(*view, client)
