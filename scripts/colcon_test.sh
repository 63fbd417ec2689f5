#!/bin/sh
# Build this package and test/client_package with colcon against the ROS wheels in the virtual
# environment $1, then run the tests that need nothing more.
#
# The environment is one of its own: where dexgrasp_msgs is installed by pip as well, chance decides
# which of the two builds is loaded.
set -eu
cd "$(dirname "$0")/.."
venv=$PWD/$1
out=$PWD/build/colcon

unset PYTHONPATH LD_LIBRARY_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
export VIRTUAL_ENV="$venv" PATH="$venv/bin:$PATH"
export AMENT_PREFIX_PATH="$venv" CMAKE_PREFIX_PATH="$venv"
export COLCON_LOG_PATH="$out/log"

folders="--build-base $out/build --install-base $out/install"
sources='--base-paths . test/client_package'
handlers='--event-handlers console_cohesion- console_direct- status-'

# shellcheck disable=SC2086 # lists of words
python -m colcon build $folders $sources $handlers \
  --cmake-args "-DCMAKE_PROJECT_INCLUDE=$PWD/msg/pip/ros_wheels_fix.cmake" \
  -DPython3_EXECUTABLE="$venv/bin/python" --no-warn-unused-cli
# shellcheck disable=SC2086
python -m colcon test $folders $sources $handlers --return-code-on-test-failure || failed=1
python -m colcon test-result --test-result-base "$out/build" --all ${failed:+--verbose}
exit ${failed:-0}
