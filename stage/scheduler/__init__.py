"""EventBridge Scheduler: when its schedules fall due, and what they start. moto keeps them and fires none."""
