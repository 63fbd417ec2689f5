"""What nodes of several folders are made of: process, life cycle, worker, hand."""
