"""`rota status`: what is live, what deploys, and how each job does."""
