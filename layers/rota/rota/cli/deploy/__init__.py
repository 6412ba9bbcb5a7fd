"""`rota deploy`: deploys an image that is in ECR, and watches it."""
