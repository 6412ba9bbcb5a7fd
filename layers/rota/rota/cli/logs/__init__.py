"""`rota logs`: what runs of jobs, the service and Rota itself have logged."""
