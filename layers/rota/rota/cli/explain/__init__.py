"""`rota explain`: why a task, a rule, a release or an execution is as it is, from what is recorded."""
