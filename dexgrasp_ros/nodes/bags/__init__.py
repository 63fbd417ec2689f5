"""Recordings: what comes on topics into a file, and back."""
