"""The stage's own routes, below `/_stage`."""
