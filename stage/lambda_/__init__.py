"""Lambda: a process for each function, cold and warm, or SAM CLI's containers."""
