"""The demo: pushes to a stage, narrated while they are deployed, and the mails about a job that fails."""
