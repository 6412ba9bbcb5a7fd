"""ECR: images by their digest, and the event of a push."""
