"""Several views of one scene in one fixed frame."""
