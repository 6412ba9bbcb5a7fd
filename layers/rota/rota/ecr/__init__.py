"""The pushed image and its push event."""
