#!/bin/sh
# Build this package in a workspace of colcon with a ROS 2 from apt: run it in the workspace's
# folder, ROS sourced. Arguments are handed to `colcon build`.
#
# The system's Python takes no packages from pip (EXTERNALLY-MANAGED), and pip cannot replace apt's
# SciPy, which is too old. So what apt does not have goes into `.venv` of the workspace, which sees
# ROS and apt's packages as well, and the executables of the nodes get its interpreter. Nothing
# outside of the workspace changes.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$PWD/.venv

fail() {
  echo "dexgrasp_ros: $1" >&2
  exit 1
}

[ -n "${ROS_DISTRO-}" ] || fail 'no ROS 2 is sourced. Source one first: . /opt/ros/jazzy/setup.sh'
command -v colcon >/dev/null || fail 'there is no colcon. Install it: sudo apt-get install python3-colcon-common-extensions'
case $root in
  "$PWD"/?*) ;;
  *) fail "run this in the workspace that has $root below it, not in $PWD." ;;
esac
python=$(command -v python3) || fail 'there is no python3.'
found=$("$python" -c 'import rclpy' 2>&1) ||
  fail "$python cannot import rclpy of ROS $ROS_DISTRO: $(echo "$found" | tail -n 1). It has to be the Python that ROS was built for, with no other environment active."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "Python's venv module is missing. Install it: sudo apt-get install python3-venv"

"$python" -m venv --system-site-packages "$venv"
touch "$venv/COLCON_IGNORE"
"$venv/bin/python" "$root/scripts/requirements.py" "$root/pyproject.toml" >"$venv/requirements.txt"
echo "Installing what apt does not have into $venv (1 GB at first) ..."
"$venv/bin/python" -m pip --disable-pip-version-check --quiet install -r "$venv/requirements.txt"
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" "$venv/bin/python" "$root/scripts/check_libraries.py"

colcon build --packages-up-to dexgrasp_ros "$@" --cmake-args "-DPython3_EXECUTABLE=$venv/bin/python"
echo 'Now: source install/setup.bash'
