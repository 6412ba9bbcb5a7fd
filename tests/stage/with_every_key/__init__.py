"""Every key of a task, and what a stack needs that takes them."""
