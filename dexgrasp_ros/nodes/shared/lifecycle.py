"""What the lifecycle nodes of the package share."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Generic, TypeVar

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from dexgrasp_ros.bridge.parameters import NodeParameters, refuse_late_changes
from dexgrasp_ros.core.errors import DexGraspError

T = TypeVar('T')


class AutostartNode(LifecycleNode, Generic[T]):
    """A lifecycle node that may bring itself up, with its parameters.

    Subclasses fill in `configure`, `activate`, `deactivate`, `cleanup`, `close`,
    `check_parameters` and `reconfigure`. A coded error in one that makes a transition is logged as
    its sentence and refuses the transition; the node lives on. Parameters that were read on
    configuration or activation cannot be set while they are in use.

    Parameters
    ----------
    name
        Name of the node.
    config_type
        The dataclass of its parameters, which has a field `autostart`.
    """

    def __init__(self, name: str, config_type: type[T]) -> None:
        super().__init__(name)
        self._is_configured = self.is_active = False
        self._parameters_of_node = NodeParameters(
            self, config_type, check=self._check_parameters, changed=self.reconfigure
        )
        if self.config.autostart:
            self._start_timer = self.create_timer(0.0, self._bring_up)

    @property
    def config(self) -> T:
        """The present parameters, a frozen object."""
        return self._parameters_of_node.value

    def configure(self) -> None:
        """Build what is slow to build."""

    def activate(self) -> None:
        """Start to take requests."""

    def deactivate(self) -> None:
        """End what is under way and take no more requests."""

    def cleanup(self) -> None:
        """Free what `configure` built."""

    def close(self) -> None:
        """Get ready for the end of the process, whatever the worker still does."""
        if self.is_active:
            self.trigger_deactivate()

    def check_parameters(self, before: T, after: T) -> None:
        """Refuse parameters that cannot be, with a `DexGraspError`; before they are set."""

    def reconfigure(self, before: T, after: T) -> None:
        """Act on parameters that have changed; `config` has the new ones."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See `configure`."""
        outcome = self._transition(self.configure, state, super().on_configure)
        self._is_configured = outcome == TransitionCallbackReturn.SUCCESS
        return outcome

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See `activate`."""
        outcome = self._transition(self.activate, state, super().on_activate)
        self.is_active = outcome == TransitionCallbackReturn.SUCCESS
        return outcome

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See `deactivate`."""
        self.is_active = False
        return self._transition(self.deactivate, state, super().on_deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """See `cleanup`."""
        self._is_configured = False
        return self._transition(self.cleanup, state, super().on_cleanup)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End work, then free what there is."""
        was_active, self.is_active, self._is_configured = self.is_active, False, False
        if was_active:
            self._transition(self.deactivate, state, super().on_deactivate)
        return self._transition(self.cleanup, state, super().on_shutdown)

    def _check_parameters(self, before: T, after: T) -> None:
        refuse_late_changes(before, after, configured=self._is_configured, active=self.is_active)
        self.check_parameters(before, after)

    def _bring_up(self) -> None:
        self.destroy_timer(self._start_timer)
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def _transition(
        self,
        step: Callable[[], None],
        state: LifecycleState,
        of_entities: Callable[[LifecycleState], TransitionCallbackReturn],
    ) -> TransitionCallbackReturn:
        # rclpy swallows exceptions of transition callbacks without a word.
        try:
            step()
        except DexGraspError as error:
            self.get_logger().error(f'Transition refused ({step.__name__}): {error}')
            return TransitionCallbackReturn.FAILURE
        except Exception:
            self.get_logger().error(
                f'Transition failed ({step.__name__}):\n{traceback.format_exc()}'
            )
            return TransitionCallbackReturn.FAILURE
        return of_entities(state)
