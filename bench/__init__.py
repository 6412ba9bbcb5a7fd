"""How long deployments take under AWS's quotas, next to what the quotas allow and to a script of AWS CLI calls."""
