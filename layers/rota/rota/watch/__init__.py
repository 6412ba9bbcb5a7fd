"""Following an execution of the state machine and saying what it does: for the command, the demo and `make watch`."""
