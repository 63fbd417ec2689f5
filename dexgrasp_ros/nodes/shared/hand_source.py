"""Which hand a node has, and what happens when the robot's description changes.

A description comes, the first that there is, from the topic `robot_description` (std_msgs/String,
transient local), the parameter of the same name, or the parameter `hand`. The hand is its subtree
below `hand_root_link`. The executor's thread, which may have to watch a robot, looks at nothing of
what comes on the topic but its size: a thread for that alone reads it. A description that is none,
or has no such link, is refused and changes nothing. Any other one is loaded in the node's worker:
what the node was doing with the old hand is ended, work that is asked for meanwhile waits in the
worker's queue, and where loading fails the old hand stays. `/diagnostics` says which hand there
is, and what was refused.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.task import Future
from std_msgs.msg import String

from dexgrasp_ros.bridge.diagnostics import ERROR, OK, WARN, Diagnostics, Report
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.qos import latched_subscription
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, HandError
from dexgrasp_ros.hand.arm import hand_root
from dexgrasp_ros.nodes.shared.held_hand import (
    HandConfig,
    HeldHand,
    hand_of_description,
    hand_of_file,
)
from dexgrasp_ros.nodes.shared.worker import Worker, settle

_TOPIC = 'robot_description'
# Bytes of a description on the topic; that of two arms with two hands of many links has 0.3 MB.
LARGEST_DESCRIPTION = 2 * 2**20


class HandSource:
    """The hand of a node; see the module.

    Parameters
    ----------
    node
        The node.
    worker
        Where descriptions are loaded.
    config
        Returns the node's present parameters.
    on_change
        Called on the executor's thread, with a sentence, when the hand is about to be replaced.
    on_ready
        Called on the executor's thread, with the hand that there is then, when that is over.
    prepare
        Called where the hand is loaded, with what was loaded; what it returns is held.
    """

    def __init__(
        self,
        node: Node,
        worker: Worker,
        config: Callable[[], HandConfig],
        *,
        on_change: Callable[[str], None] = lambda _sentence: None,
        on_ready: Callable[[HeldHand | None], None] = lambda _held: None,
        prepare: Callable[[HeldHand], HeldHand] = lambda held: held,
    ) -> None:
        self._node, self._worker, self._config = node, worker, config
        self._on_change, self._on_ready, self._prepare = on_change, on_ready, prepare
        # The newest hand that is ready; set where it is loaded, so that what waits in the worker's
        # queue has it.
        self.held: HeldHand | None = None
        self._held_text: str | None = None  # its description, if it is no file
        self._heard: str | None = None  # newest text on the topic
        self._wanted: str | None = None  # newest one that may be a description
        self._is_configured = self._is_changing = False
        self._reader = Worker(node, 'reader')
        self._reading: Future | None = None
        # A description may come just when the worker is done with the one before.
        self._lock = threading.Lock()
        self._received = self._refused = 0
        self._problem: DexGraspError | None = None  # with the newest description
        self._subscription = node.create_subscription(
            String,
            _TOPIC,
            self._take,
            latched_subscription(),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self._diagnostics = Diagnostics(node, 'hand', self._report)

    def configure(self) -> None:
        """Load the hand of the first description that there is.

        One that has come on the topic is loaded in the worker, any other on this thread. Where
        `hand_root_link` is not in `hand`, there is none until a description comes.

        Raises
        ------
        DexGraspError
            It cannot be loaded.
        """
        config = self._config()
        self._problem = self.held = self._held_text = None
        if self._wanted is not None:
            self._is_configured = True
            self._change(self._wanted)
            return
        text = config.robot_description or None
        self.held = self._of_file(config) if text is None else self._of_text(text, 'parameter')
        self._held_text, self._is_configured = text, True

    def clear(self) -> None:
        """Forget the hand."""
        self.held, self._held_text = None, None
        self._is_configured = self._is_changing = False

    def hold(self) -> HeldHand:
        """Return the hand.

        Raises
        ------
        HandError
            UNKNOWN_HAND where there is none, or where another one is about to replace it.
        """
        held = self.held
        if self._is_changing:
            raise HandError(
                f"The description on '{self._topic}' has changed, and its hand is not loaded yet.",
                ErrorCode.UNKNOWN_HAND,
            )
        if held is not None:
            return held
        raise HandError(
            f"There is no hand: nothing usable has come on '{self._topic}'."
            f' {self._problem or ""}'.rstrip(),
            ErrorCode.UNKNOWN_HAND,
        )

    @property
    def _topic(self) -> str:
        return self._node.resolve_topic_name(_TOPIC)

    def _take(self, message: String) -> None:
        text = message.data
        if text == self._heard:
            return
        self._received += 1
        # A letter has one byte at least, so that the longest texts need not be encoded.
        if len(text) > LARGEST_DESCRIPTION or len(text.encode()) > LARGEST_DESCRIPTION:
            self._refuse(
                HandError(
                    f'The description has {len(text)} letters; expected at most'
                    f' {LARGEST_DESCRIPTION} bytes.',
                    ErrorCode.OUT_OF_RANGE,
                )
            )
            return
        self._heard = text
        if self._reading is not None:
            settle(self._reading, None)  # it is not the newest any more
        self._reading = self._reader.submit(hand_root, text, self._config().hand_root_link or None)
        self._reading.add_done_callback(lambda done: self._on_read(text, done))

    def _on_read(self, text: str, done: Future) -> None:
        """Go on with a description that is one; refuse what is none."""
        if text != self._heard:
            return
        if (error := done.exception()) is not None:
            self._refuse(self._coded(error))
            return
        with self._lock:
            self._wanted = text
            if not self._is_configured:
                return
            if text == self._held_text:
                self._is_changing, self._problem = False, None
                return
        self._change(text)

    def _change(self, text: str) -> None:
        """Load another hand in the worker."""
        self._is_changing = True
        self._on_change('The robot description has changed.')
        self._worker.submit(self._replace, text).add_done_callback(
            lambda done: self._on_replaced(text, done)
        )

    def _replace(self, text: str) -> HeldHand | None:
        """Load a description, in the worker; None where a newer one has come meanwhile."""
        if not self._is_wanted(text):
            return None
        try:
            held = self._of_text(text, 'topic')
        except Exception:
            self._end_change(text, None)
            raise
        return self._end_change(text, held)

    def _end_change(self, text: str, held: HeldHand | None) -> HeldHand | None:
        """Hold what was loaded, or again what was held before; None where a newer one has come."""
        with self._lock:
            if not self._is_wanted(text):
                return None
            self._is_changing = False
            if held is not None:
                self.held, self._held_text, self._problem = held, text, None
        return held

    def _is_wanted(self, text: str) -> bool:
        return text == self._wanted and self._is_configured

    def _on_replaced(self, text: str, done: Future) -> None:
        error = done.exception()
        if error is not None:
            if self._wanted == text:
                self._wanted = self._held_text
            self._refuse(self._coded(error))
        elif done.result() is not None:
            held = done.result()
            self._node.get_logger().info(
                f"The hand is now '{held.hand.name}' ({len(held.hand.joint_names)} joints, root"
                f" '{held.hand.hand_frame}') from {held.origin}."
            )
        if not self._is_changing:
            self._on_ready(self.held)

    def _coded(self, error: BaseException) -> DexGraspError:
        """Return the error itself, or, of a defect, one with its sentence; then the log has it."""
        if isinstance(error, DexGraspError):
            return error
        self._node.get_logger().error(''.join(traceback.format_exception(error)))
        return DexGraspError(error_fields(error)[1])

    def _refuse(self, error: DexGraspError) -> None:
        self._refused += 1
        self._problem = error
        stays = 'no hand' if self.held is None else f"the hand '{self.held.hand.name}'"
        self._node.get_logger().error(
            f"Refused what came on '{self._topic}' ({error.code.name}): {error} There is {stays}"
            ' as before.'
        )

    def _of_text(self, text: str, kind: str) -> HeldHand:
        return self._ready(hand_of_description(text, self._config(), f"the {kind} '{_TOPIC}'"))

    def _of_file(self, config: HandConfig) -> HeldHand | None:
        try:
            return self._ready(hand_of_file(config))
        except HandError as error:
            if not (config.hand_root_link and error.code == ErrorCode.UNKNOWN_LINK):
                raise
            self._problem = error
        self._node.get_logger().warning(
            f"{self._problem} Waiting for a description on '{self._topic}'."
        )
        return None

    def _ready(self, held: HeldHand) -> HeldHand:
        """Warn of what the loader had to assume, and let the node prepare the hand."""
        for warning in held.hand.warnings:
            self._node.get_logger().warning(f"Hand '{held.name}': {warning}")
        return self._prepare(held)

    def _report(self) -> Report:
        held, problem = self.held, self._problem
        level, text = OK, 'There is a hand.'
        if held is None:
            level = ERROR if self._is_configured else OK
            text = 'There is no hand.' if self._is_configured else 'Not configured.'
        if problem is not None:
            level = max(level, WARN)
            text = f'{problem.code.name}: {problem}'
        values: dict[str, object] = {
            'descriptions received': self._received,
            'descriptions refused': self._refused,
        }
        if held is not None:
            values |= {
                'hand': held.hand.name,
                'description from': held.origin,
                'root link': held.hand.hand_frame,
                'joints': len(held.hand.joint_names),
            }
            if held.arm is not None:
                values |= {
                    'flange': held.arm.flange_frame,
                    'joints of the arm': len(held.arm.joint_names),
                }
        return level, text, values
