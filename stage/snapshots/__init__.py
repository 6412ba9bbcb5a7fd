"""Snapshots of the account's content: kept and restored in milliseconds."""
