"""`rota approve` and `rota reject`: what waits for an approval is answered."""
