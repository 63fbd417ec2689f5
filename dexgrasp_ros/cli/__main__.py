"""``python -m dexgrasp_ros.cli``."""

import sys

from dexgrasp_ros.cli import main

sys.exit(main())
