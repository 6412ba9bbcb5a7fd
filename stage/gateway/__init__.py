"""The gateway: recognises, records and answers each AWS call."""
