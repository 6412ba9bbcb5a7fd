"""Invariants that are checked after every AWS call."""
