"""Schedules as EventBridge rules with one ECS target each."""
