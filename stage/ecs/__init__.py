"""ECS, where moto has none: services that roll over time, tasks that run as processes, task definitions kept whole."""
