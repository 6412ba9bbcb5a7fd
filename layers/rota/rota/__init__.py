"""Rota: deploys an ECS Fargate service and its cron jobs as one thing."""

__version__ = "0.1.0"
