"""Rota: deploys an ECS Fargate service and its cron jobs as one thing."""
