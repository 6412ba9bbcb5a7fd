"""CloudFormation and SAM: deploys a real template."""
