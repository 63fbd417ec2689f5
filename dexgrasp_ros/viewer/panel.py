"""The panel of a page: how things stand, buttons, slider, tables, switches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import viser

from dexgrasp_ros.viewer import tables
from dexgrasp_ros.viewer.shown import GRASP, PREGRASP, SQUEEZE, ShownGrasps, ShownObject
from dexgrasp_ros.viewer.stage import LAYERS

_MAX_ROWS = 100  # of the table; each is a button
_WIDTH = 440  # px


class Panel:
    """The controls of a server; one thread at a time.

    Parameters
    ----------
    server
        The server.
    on_select, on_motion, on_layer, on_look
        Called with the row that was clicked; where the slider stands; a layer's name and whether
        it is to be seen; the browser that wants to see the grasp best. On viser's threads.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        *,
        on_select: Callable[[int], None],
        on_motion: Callable[[float], None],
        on_layer: Callable[[str, bool], None],
        on_look: Callable[[viser.ClientHandle], None],
    ) -> None:
        gui = self._gui = server.gui
        gui.configure_theme(show_logo=False, show_share_button=False, brand_color=(36, 96, 168))
        gui.main_panel.dock_right()
        gui.main_panel.set_width(_WIDTH)
        self._on_select = on_select
        gui.add_html(tables.style())
        self._status = gui.add_html('')
        self._bar = gui.add_progress_bar(0.0, visible=False)
        self._actions = gui.add_folder(None)
        self._buttons: dict[str, viser.GuiButtonHandle] = {}
        self.slider = gui.add_slider(
            'Motion',
            min=PREGRASP,
            max=SQUEEZE,
            step=0.01,
            initial_value=GRASP,
            marks=((PREGRASP, 'pregrasp'), (GRASP, 'grasp'), (SQUEEZE, 'squeeze')),
            disabled=True,
        )
        self.slider.on_update(lambda _event: on_motion(self.slider.value))
        self._table = gui.add_html(tables.note('No grasps yet.'))
        self._rows: list[viser.GuiButtonHandle] = []
        self._row_folder = gui.add_folder(None)
        self._objects = gui.add_html('')
        with gui.add_folder('Contacts of the grasp'):
            self._contacts = gui.add_html(tables.note('No grasp is selected.'))
        with gui.add_folder('Show', expand_by_default=False):
            look = gui.add_button('Best view of the grasp', icon='eye')
            look.on_click(lambda event: on_look(event.client))
            for layer, shown in LAYERS.items():
                box = gui.add_checkbox(layer.capitalize(), shown)
                box.on_update(lambda event, layer=layer: on_layer(layer, event.target.value))

    def add_button(self, name: str, icon: str, hint: str, call: Callable[[], None]) -> None:
        """Put a button below those that there are; `call` runs on viser's threads."""
        self._bar.visible = True
        with self._actions:
            self._buttons[name] = self._gui.add_button(name, icon=icon, hint=hint)
        self._buttons[name].on_click(lambda _event: call())

    def enable_button(self, name: str, enabled: bool) -> None:
        """Let a button be pressed or not; nothing happens where there is no such button."""
        if name in self._buttons:
            self._buttons[name].disabled = not enabled

    def say(self, text: str, *, error: bool) -> None:
        """Show a sentence."""
        self._status.content = tables.sentence(text, error=error)

    def set_progress(self, fraction: float | None) -> None:
        """Show how far the work is, 0 to 1; None while nobody works.

        An empty bar keeps its place, so that no button moves away under a mouse.
        """
        self._bar.animated = fraction is not None
        self._bar.value = 100.0 * min(max(float(fraction or 0.0), 0.0), 1.0)

    def set_objects(self, objects: Sequence[ShownObject]) -> None:
        """Say what there is."""
        words = (f'{o.name} ({o.about})' if o.about else o.name for o in objects)
        self._objects.content = tables.note(f'Objects: {", ".join(words) or "none"}.')

    def set_grasps(self, shown: ShownGrasps | None, selected: int | None) -> None:
        """Fill the tables."""
        count = 0 if shown is None else len(shown.grasps)
        self._make_rows(min(count, _MAX_ROWS))
        self.slider.disabled = selected is None
        if not count:
            self._table.content = tables.note('No grasps.')
        else:
            # viser has no public name for a button's id; tables' rows are its labels.
            ids = [b._impl.uuid for b in self._rows[: min(count, _MAX_ROWS)]]
            self._table.content = tables.grasp_table(shown.grasps, shown.objects, ids, selected)
        if selected is None:
            self._contacts.content = tables.note('No grasp is selected.')
        else:
            self._contacts.content = tables.contact_table(shown.grasps, selected)

    def _make_rows(self, count: int) -> None:
        """Have a button for each row.

        Those that are left over are kept: what was sent of them would be kept too, and add up.
        """
        for row, button in enumerate(self._rows):
            button.visible = row < count
        with self._row_folder:
            while len(self._rows) < count:
                row = len(self._rows)
                button = self._gui.add_button(f'Grasp {row + 1}')
                button.on_click(lambda _event, row=row: self._on_select(row))
                self._rows.append(button)
