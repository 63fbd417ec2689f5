"""Shared types, errors and configuration; imports nothing else of the package."""
