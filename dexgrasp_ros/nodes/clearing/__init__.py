"""`clear_table_node`: attempt after attempt until the table is empty."""
