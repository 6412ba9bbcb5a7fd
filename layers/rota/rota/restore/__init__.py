"""Returning what a failed deployment changed to the snapshot."""
