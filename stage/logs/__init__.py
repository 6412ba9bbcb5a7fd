"""CloudWatch Logs: what functions and containers write."""
