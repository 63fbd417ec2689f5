"""Where the work of a dataset runs: steps of tasks, executors, and what came of it."""
