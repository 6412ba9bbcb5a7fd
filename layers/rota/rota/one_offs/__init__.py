"""What runs once in a deployment: the file's `before`, a migration, and `after`, a smoke test."""
