"""Notifications, by mail and in a chat: one message, its two forms, and what is masked in it."""
