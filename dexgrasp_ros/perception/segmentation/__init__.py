"""Labels of what stands on a table, from depth and colour."""
