"""What the shell completes: commands, options, and the names of tasks, releases and stacks from a cache of the user."""
