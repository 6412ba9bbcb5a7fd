"""ECS: task definitions, services with their rollouts, tasks that run."""
