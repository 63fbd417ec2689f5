"""`reconstruction_node`: from images or clouds to meshes."""
