"""Where the schedules of tasks live in AWS."""
