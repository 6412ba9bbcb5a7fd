"""The demo: two pushes to a stage, narrated while they are deployed."""
