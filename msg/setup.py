"""pip route: build the interfaces with their own CMakeLists.txt against the ROS 2 wheels.

The wheel holds ``dexgrasp_msgs`` and, since no wheel of it exists, ``tf2_msgs``, the whole of it:
where a real one is found as well, chance decides which is loaded. What is needed at run time, so
without headers and CMake files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build import build

HERE = Path(__file__).resolve().parent
PACKAGE = ET.parse(HERE / 'package.xml').getroot()
SOURCES = {'dexgrasp_msgs': HERE, 'tf2_msgs': HERE / 'pip' / 'tf2_msgs'}


def requirements(name: str) -> list[str]:
    """Lines of a requirements file beside the CMake fix."""
    lines = (HERE / 'pip' / f'{name}-requirements.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def runtime_wheels() -> list[str]:
    """Pinned wheels of what package.xml depends on, and of rclpy, which loads the interfaces."""
    names = {'ros-rclpy'} | {f'ros-{e.text.replace("_", "-")}' for e in PACKAGE.findall('depend')}
    pinned = {re.split(r'[\[=]', line)[0]: line for line in requirements('runtime')}
    return [pinned[name] for name in sorted(names)]


def run_cmake(source: Path, folder: Path, prefix: Path) -> None:
    """Configure, build and install one interface package."""
    import ament_package  # a build requirement, and so absent while pip asks for those

    ros = Path(ament_package.__file__).resolve().parents[4]
    environment = {
        **os.environ,
        'AMENT_PREFIX_PATH': str(ros),
        'CMAKE_PREFIX_PATH': str(ros),
        # CMake runs code generators in other processes, outside of pip's isolated environment.
        'PYTHONPATH': os.pathsep.join(filter(None, sys.path)),
    }
    configure = [
        *('cmake', '-S', source, '-B', folder, '-G', 'Ninja', '--fresh'),
        f'-DCMAKE_INSTALL_PREFIX={prefix}',
        '-DCMAKE_BUILD_TYPE=Release',
        '-DBUILD_TESTING=OFF',
        f'-DPython3_EXECUTABLE={sys.executable}',
        f'-DPYTHON_EXECUTABLE={sys.executable}',
        f'-DCMAKE_PROJECT_INCLUDE={HERE / "pip" / "ros_wheels_fix.cmake"}',
    ]
    install = ['cmake', '--build', folder, '--target', 'install']
    for command in (configure, install):
        subprocess.run(command, check=True, env=environment)


class InterfaceDistribution(Distribution):
    """A wheel for one platform and one Python, though setuptools compiles nothing itself."""

    def has_ext_modules(self) -> bool:
        """Say so."""
        return True


class BuildInterfaces(build):
    """Fills the wheel with what CMake installs."""

    def run(self) -> None:
        """Build, then sort the files into modules (purelib) and data (below the prefix)."""
        build_temp, build_lib = Path(self.build_temp).resolve(), Path(self.build_lib)
        prefix = build_temp / 'install'
        # Leftovers of an interface that was removed since would end up in the wheel.
        for folder in (prefix, build_lib):
            shutil.rmtree(folder, ignore_errors=True)
        for name, source in SOURCES.items():
            run_cmake(source, build_temp / name, prefix)
        site_packages = Path('lib', 'python{}.{}'.format(*sys.version_info), 'site-packages')
        data: dict[str, list[str]] = {}
        for file in sorted(p for p in prefix.rglob('*') if p.is_file()):
            relative = file.relative_to(prefix)
            if file.suffix == '.pyc' or any(p.endswith('.egg-info') for p in relative.parts):
                continue
            if relative.is_relative_to(site_packages):
                target = build_lib / relative.relative_to(site_packages)
                target.parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(str(file), str(target))
            elif relative.parts[0] != 'include' and 'cmake' not in relative.parts:
                data.setdefault(relative.parent.as_posix(), []).append(str(file))
        self.distribution.data_files = list(data.items())
        super().run()


setup(
    name='dexgrasp-msgs',
    version=PACKAGE.findtext('version'),
    description=PACKAGE.findtext('description'),
    license='Apache-2.0',
    python_requires='>=3.11,<3.15',
    packages=[],
    py_modules=[],
    # pip reads these two when it builds in isolation and when it installs.
    setup_requires=[*requirements('build'), *runtime_wheels()],
    install_requires=runtime_wheels(),
    cmdclass={'build': BuildInterfaces},
    distclass=InterfaceDistribution,
    zip_safe=False,
)
