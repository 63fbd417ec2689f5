#!/bin/sh
# Build this package and test/client_package with colcon against the ROS wheels in the virtual
# environment $1, then run the tests that need nothing more; with a second argument, 'build', only
# build.
#
# The environment is one of its own: where dexgrasp_msgs is installed by pip as well, chance decides
# which of the two builds is loaded.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/$1

# A workspace as users have it. The source is copied: CMake wants no include path (NumPy's, in the
# environment) inside the source folder, and links back to it send setuptools round in circles.
# Times are kept, so what has not changed is not built again.
workspace=$root/build/colcon
rm -rf "$workspace/src"
mkdir -p "$workspace/src/dexgrasp_ros"
tar -C "$root" -cf - --exclude='./.*' --exclude=./build --exclude=./install --exclude=./log \
  --exclude=./out --exclude=./msg/build --exclude='*.egg-info' --exclude=__pycache__ . |
  tar -C "$workspace/src/dexgrasp_ros" -xf -
# What an older version left of its name would be found beside the new one's.
rm -rf "$workspace"/install/dexgrasp_ros/lib/python*/site-packages/dexgrasp_ros-*.egg-info
mv "$workspace/src/dexgrasp_ros/test/client_package" "$workspace/src/dexgrasp_client"
cd "$workspace"

unset PYTHONPATH LD_LIBRARY_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
export VIRTUAL_ENV="$venv" PATH="$venv/bin:$PATH"
export AMENT_PREFIX_PATH="$venv" CMAKE_PREFIX_PATH="$venv"
quiet='--event-handlers console_direct- status-'

# shellcheck disable=SC2086 # words
colcon --log-level error build $quiet --cmake-args --no-warn-unused-cli \
  "-DCMAKE_PROJECT_INCLUDE=$root/msg/pip/ros_wheels_fix.cmake" "-DPython3_EXECUTABLE=$venv/bin/python"
[ "${2-}" = build ] && exit
# Who wants messages only names their folder: docs/workspace.md.
[ "$(colcon list --names-only --paths src/dexgrasp_ros/msg)" = dexgrasp_msgs ]
failed=0
# shellcheck disable=SC2086
colcon --log-level error test $quiet --return-code-on-test-failure || failed=1
colcon test-result --all --verbose
exit $failed
