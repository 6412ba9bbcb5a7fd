"""What crosses a boundary of the state machine: the shapes, the table of steps, and the event of runs."""
