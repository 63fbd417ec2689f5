"""pip route: what pyproject.toml cannot say. colcon does not read this file.

Puts the files that the program and ROS look for where colcon puts them too: launch files,
configuration and URDFs below ``share``, the package's name in the ament index, and an executable
for each node in ``lib/dexgrasp_ros``, where ``ros2 run`` and launch files look.
"""

from __future__ import annotations

from distutils.command.install_data import install_data  # setuptools' own, from Python 3.12 on
from pathlib import Path

from setuptools import setup

PACKAGE = 'dexgrasp_ros'
SHARE = f'share/{PACKAGE}'
FOLDERS = ('config', 'launch', 'rviz', 'urdf')
LAUNCHER = '#!/bin/sh\nexec "$(dirname "$0")/../../bin/$(basename "$0")" "$@"\n'


def shared_files() -> list[tuple[str, list[str]]]:
    """Folders of the installation and the files that go there."""
    data = [
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (SHARE, ['package.xml']),
    ]
    for root in map(Path, FOLDERS):
        for folder in [root, *(p for p in sorted(root.rglob('*')) if p.is_dir())]:
            files = [p.as_posix() for p in sorted(folder.glob('*')) if p.is_file()]
            if files and folder.name != '__pycache__':
                data.append((f'{SHARE}/{folder.as_posix()}', files))
    return data


class InstallData(install_data):
    """Adds the launchers; their names are those of setup.cfg."""

    def run(self) -> None:
        """Install the files, then write the launchers."""
        super().run()
        folder = Path(self.install_dir, 'lib', PACKAGE)
        folder.mkdir(parents=True, exist_ok=True)
        for entry in self.distribution.entry_points['console_scripts']:
            launcher = folder / entry.split('=')[0].strip()
            launcher.write_text(LAUNCHER)
            launcher.chmod(0o755)
            self.outfiles.append(str(launcher))


setup(data_files=shared_files(), cmdclass={'install_data': InstallData}, zip_safe=False)
