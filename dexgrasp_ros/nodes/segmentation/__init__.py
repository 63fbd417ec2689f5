"""`tabletop_segmentation_node`: labels for depth images that have none."""
