"""The frame that every Lambda function runs in."""
