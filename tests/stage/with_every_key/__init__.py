"""The guestbook with a stack that takes every key of a task."""
