"""`rota plan`: what a deployment would change, by the machine's own dry run."""
