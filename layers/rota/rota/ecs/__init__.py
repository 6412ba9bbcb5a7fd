"""Task definitions and the service."""
