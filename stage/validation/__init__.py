"""Refuses what AWS refuses, with the same error code and, where it is known, the same message.

`requests` validates every request against botocore's model, which the SDK hardly does. The other modules hold the
limits and rules that AWS documents in prose. `docs/stage.md` lists all of them with their sources.
"""
