"""The demo: pushes to a stage, narrated while they are deployed, and what is told of a job that fails."""
