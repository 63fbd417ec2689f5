"""Reading a dataset: grasps by the batch, objects, images."""
