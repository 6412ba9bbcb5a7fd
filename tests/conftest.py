"""What holds for all tests of a worker."""

import gc

gc.disable()


def pytest_collection_finish() -> None:
    """Leave what was imported out of all garbage collections: moto and botocore's models alone are half a million
    objects, and looking through them took a tenth of the suite's time.
    """
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


def pytest_sessionfinish() -> None:
    """What is left ends with the process: pytest and Python would look through all of it once more each, and again."""
    gc.freeze()
