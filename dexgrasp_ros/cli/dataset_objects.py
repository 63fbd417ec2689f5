"""``dexgrasp dataset objects``: procedural objects, so that sets need nobody's meshes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Make objects by rules: boxes, cans, bottles, bowls, mugs, tools, plates, bent, joined.

    Run it again at any time: what is there is kept. They are watertight, and 3 to 25 cm long.
    """

    out: Path
    """Folder, new or begun; `dexgrasp dataset generate --objects` takes it."""
    count: int
    """Objects in all; a larger one later keeps those that are there."""
    random_seed: int = 0
    """Start of all random numbers."""
    json: bool = False
    """End with one line of JSON."""

    def run(self) -> None:
        """Make what is missing, and say of which kinds they are.

        Raises
        ------
        InputError
            As from `make_objects`.
        """
        from rich.console import Console

        from dexgrasp_ros.cli.report import print_json
        from dexgrasp_ros.cli.work_bar import work_bar
        from dexgrasp_ros.dataset.procedural.objects import make_objects

        console = Console(stderr=self.json)
        with work_bar(console, 'objects') as show:
            made = make_objects(
                self.out,
                self.count,
                self.random_seed,
                lambda done, count: show(done, count, 'objects'),
            )
        kinds = ', '.join(f'{number} {kind}' for kind, number in made['kinds'].items())
        console.print(
            f'{made["made"]} objects made, {made["skipped"]} were there: {kinds}',
            f'Written to {self.out}',
            sep='\n',
            highlight=False,
        )
        if self.json:
            print_json({**made, 'out': str(self.out)})
