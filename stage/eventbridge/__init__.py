"""EventBridge's default bus: what reaches which rule, and what is sent to its targets."""
