"""The demo: two pushes to a stage of its own, told as they happen."""
