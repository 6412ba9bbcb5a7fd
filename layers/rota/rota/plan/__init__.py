"""What a deployment changes, decided before it changes anything."""
