"""`rota pause`: pauses jobs, or holds deployments."""
