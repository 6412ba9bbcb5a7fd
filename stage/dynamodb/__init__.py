"""DynamoDB: atomic writes."""
