"""Step Functions' executions and their history."""
