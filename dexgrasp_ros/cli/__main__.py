"""``python -m dexgrasp_ros.cli``."""

import sys

from dexgrasp_ros.cli import main

if __name__ == '__main__':
    sys.exit(main())
