"""CloudTrail's event history."""
