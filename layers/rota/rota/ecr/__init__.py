"""The pushed image."""
