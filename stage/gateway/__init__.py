"""The front door: every request to the stage is recognised here, recorded, limited, and may be made to fail."""
