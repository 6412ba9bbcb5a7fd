"""Step Functions: moto's interpreter, how executions end, and redrive."""
