"""Pauses of tasks: who stopped a job's schedule, why, and until when."""
