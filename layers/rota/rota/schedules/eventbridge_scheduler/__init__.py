"""Schedules as those of EventBridge Scheduler, in one group for the app."""
