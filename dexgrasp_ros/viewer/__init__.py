"""The web page: objects and grasps in a browser, with buttons for whoever does the work.

It knows neither ROS nor a search: who opens a page hands it arrays and callbacks.
"""

from dexgrasp_ros.viewer.page import Actions, GraspPage
from dexgrasp_ros.viewer.server import check_address
from dexgrasp_ros.viewer.shown import ShownGrasps, ShownObject, placed

__all__ = ['Actions', 'GraspPage', 'ShownGrasps', 'ShownObject', 'check_address', 'placed']
