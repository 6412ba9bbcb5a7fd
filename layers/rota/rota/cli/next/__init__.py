"""`rota next`: what runs when."""
