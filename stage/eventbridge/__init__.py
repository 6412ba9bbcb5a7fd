"""EventBridge: the default bus, its rules' targets, and the tagging API's view of rules."""
