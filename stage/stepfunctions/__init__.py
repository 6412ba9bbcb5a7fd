"""Step Functions: moto's interpreter, the status of executions, redrive."""
