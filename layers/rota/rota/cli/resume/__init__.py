"""`rota resume`: ends a pause of jobs or a hold of deployments, or lifts bars of images."""
