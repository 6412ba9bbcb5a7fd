"""The schedule file: read it, check it, say when its tasks run."""
