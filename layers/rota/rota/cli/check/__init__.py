"""`rota check`: a schedule file, without AWS; or the stack and all that it needs, in AWS."""
