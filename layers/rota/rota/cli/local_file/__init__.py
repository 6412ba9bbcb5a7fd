"""A schedule file on a person's disk: JSON, or YAML, which the machine never sees."""
