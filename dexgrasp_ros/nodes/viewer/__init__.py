"""`viewer_node`: the web page of a running graph."""
