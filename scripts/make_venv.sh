#!/bin/sh
# Make the virtual environment $1 with the interpreter $2 (empty: the first that fits), or name in
# one line what the machine lacks and the command that installs it.
set -eu
venv=$1
python=${2:-}

if command -v dnf >/dev/null 2>&1; then
  install='sudo dnf install' headers=python3-devel compiler=gcc-c++ module=python3-libs
else
  install='sudo apt-get install' headers=python3-dev compiler=g++ module=python3-venv
fi

fail() {
  echo "dexgrasp_ros: $1" >&2
  exit 1
}

fits() {
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

if [ "$(uname -sm)" != 'Linux x86_64' ]; then
  fail "the wheels of ROS 2 are for Linux on x86_64, this is $(uname -sm). Use a ROS 2 workspace instead: README.md, 'In a ROS 2 workspace'."
fi

if [ -z "$python" ]; then
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if fits "$candidate"; then
      python=$candidate
      break
    fi
  done
  if [ -z "$python" ]; then
    found=$(python3 -V 2>&1) || found='no python3'
    fail "Python 3.11 to 3.14 is needed, there is $found. Install one: $install python3.11 python3.11-venv python3.11-dev"
  fi
elif ! fits "$python"; then
  fail "PYTHON=$python is not a Python 3.11 to 3.14. Leave it out to take the first that fits."
fi

# A Python other than the system's own has packages of its own version.
case $python in
  python3.1?) headers=$python-dev module=$python-venv ;;
esac

missing='' packages=''
lacks() {
  missing="$missing${missing:+, }$1" packages="$packages $2"
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || lacks "Python's venv module" "$module"
"$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
  lacks "Python's C headers" "$headers"
command -v "${CXX:-g++}" >/dev/null 2>&1 || lacks 'a C++ compiler' "$compiler"
if [ -n "$missing" ]; then
  fail "this machine lacks $missing. Install with: $install$packages"
fi

"$python" -m venv --clear "$venv"
