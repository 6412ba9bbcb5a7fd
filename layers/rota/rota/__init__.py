"""Rota: deploys an ECS Fargate service and its cron jobs as one thing."""

import gc

__version__ = "0.1.0"

# A start makes tens of thousands of objects that all stay. To look for garbage among them takes a fifteenth of it.
gc.set_threshold(100_000)
