"""`rota history`: the app's releases, and the deployments that made none."""
