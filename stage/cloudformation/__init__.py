"""CloudFormation and SAM: how the real template comes to be deployed."""
