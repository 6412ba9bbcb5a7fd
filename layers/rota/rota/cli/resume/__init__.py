"""`rota resume`: ends a hold of deployments, or lifts bars of images."""
