"""What the launch files share: how a node becomes a process, and what is said when one dies.

`launch` is not on every machine that has this package, so that it is imported when it is used.
"""

from __future__ import annotations

import collections
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from dexgrasp_ros.bridge.diagnostics import ERROR, OK, WARN, Diagnostics, Report

# Of util-linux. A session of its own: else a terminal's Ctrl-C would reach the node beside what
# launch does. And a signal when launch is gone, however that came about: where it is terminated it
# leaves its processes alone. Without them launch's own ways remain.
_PREFIX = ('setsid', 'setpriv --pdeathsig TERM')
_RESPAWN_DELAY = 2.0  # s
# s; to `grasp_node`, objects are as `clear_table_node` saw them last, however long ago
ANY_AGE = 1e6


def is_true(name: str, text: str) -> bool:
    """Return the truth of a launch argument, which is always text.

    Raises
    ------
    ValueError
        It is neither true nor false.
    """
    if text.lower() not in ('true', 'false'):
        raise ValueError(f"Launch argument '{name}' is '{text}'; expected true or false.")
    return text.lower() == 'true'


def node_process(kind: type, name: str, *, log_level: Any, respawn: bool, **options: Any) -> Any:
    """Return the action that runs a node of this package.

    Parameters
    ----------
    kind
        `launch_ros.actions.Node` or `LifecycleNode`.
    name
        Of the executable and the node.
    log_level
        Of the node.
    respawn
        Start it again when it has died.
    **options
        Of `kind`: namespace, parameters, remappings, condition.
    """
    return kind(
        package='dexgrasp_ros',
        executable=name,
        name=name,
        exec_name=name,  # else the log calls it by the first word of the prefix
        output='screen',
        arguments=['--ros-args', '--log-level', log_level],
        prefix=' '.join(word for word in _PREFIX if shutil.which(word.split()[0])),
        respawn=respawn,
        respawn_delay=_RESPAWN_DELAY,
        **options,
    )


class ProcessWatch:
    """Says of each process when it has died, in launch's log and on `/diagnostics`.

    It also hands Ctrl-C on, since processes of their own sessions do not hear it.

    Parameters
    ----------
    processes
        Actions that run nodes, by what to call them.
    respawn
        Whether they are started again.
    component
        What diagnostics call them; one launch may have several graphs.
    """

    def __init__(self, processes: Mapping[str, Any], *, respawn: bool, component: str) -> None:
        self._processes, self._respawn, self._component = processes, respawn, component
        self._deaths: collections.Counter[str] = collections.Counter()
        self._dead: dict[str, int] = {}  # exit codes of those that do not run now
        self._diagnostics: Diagnostics | None = None

    def actions(self) -> list[Any]:
        """Return what a launch description needs beside the processes, before them."""
        from launch.actions import OpaqueFunction, RegisterEventHandler
        from launch.event_handlers import OnProcessExit, OnProcessStart, OnShutdown

        handlers: list[Any] = [OnShutdown(on_shutdown=self._on_shutdown)]
        for name, process in self._processes.items():
            handlers += [
                OnProcessStart(
                    target_action=process,
                    on_start=lambda _event, _context, name=name: self._on_start(name),
                ),
                OnProcessExit(
                    target_action=process,
                    on_exit=lambda event, context, name=name: self._on_exit(name, event, context),
                ),
            ]
        return [OpaqueFunction(function=self._begin), *map(RegisterEventHandler, handlers)]

    def report(self) -> Report:
        """Return what diagnostics say of the processes."""
        level, text = OK, 'All nodes run.'
        if self._dead:
            level, text = ERROR, ' '.join(self._sentence(name) for name in self._dead)
        elif self._deaths:
            level, text = WARN, 'All nodes run; some have died before.'
        values = {
            name: f'died with exit code {self._dead[name]}' if name in self._dead else 'runs'
            for name in self._processes
        }
        return level, text, {**values, **{f'{n} deaths': k for n, k in self._deaths.items()}}

    def _sentence(self, name: str) -> str:
        then = 'it is started again' if self._respawn else 'nobody starts it again'
        return f"'{name}' has died with exit code {self._dead[name]}; {then}."

    def _begin(self, context: Any) -> None:
        from launch_ros.ros_adapters import get_ros_node

        self._diagnostics = Diagnostics(get_ros_node(context), self._component, self.report)

    def _on_start(self, name: str) -> None:
        self._dead.pop(name, None)

    def _on_exit(self, name: str, event: Any, context: Any) -> Sequence[Any]:
        from launch.actions import LogInfo

        if context.is_shutdown:
            return []
        self._dead[name] = event.returncode
        self._deaths[name] += 1
        return [LogInfo(msg=self._sentence(name))]

    def _on_shutdown(self, event: Any, _context: Any) -> Sequence[Any]:
        import signal

        from launch.actions import EmitEvent
        from launch.events.process import SignalProcess

        if not event.due_to_sigint or not shutil.which(_PREFIX[0]):
            return []  # launch itself tells the processes, or the terminal does
        mine = list(self._processes.values())
        return [
            EmitEvent(
                event=SignalProcess(
                    signal_number=signal.SIGINT,
                    process_matcher=lambda process: process in mine,
                )
            )
        ]
