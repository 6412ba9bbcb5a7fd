"""`rota rollback`: brings back an earlier release, and bars what was live after it."""
