"""`rota pause`: holds deployments."""
