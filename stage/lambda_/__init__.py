"""AWS Lambda: a process per function, cold and warm, or SAM's containers."""
