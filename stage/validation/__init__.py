"""As strict as AWS: what AWS refuses, the stage refuses, with the same error and in AWS's words where they are known.

`validation` holds every request against botocore's model of it, which the SDK itself hardly does. The other modules
hold the limits and rules that AWS documents in prose. `docs/stage.md` lists all of them with their sources.
"""
