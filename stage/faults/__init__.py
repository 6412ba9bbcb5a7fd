"""Scripted faults: which AWS calls fail, when, and how."""
