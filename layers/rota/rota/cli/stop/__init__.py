"""`rota stop`: ends one run of a job."""
