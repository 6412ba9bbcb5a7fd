"""What holds for all tests of a worker."""

import functools
import gc

import moto.core.responses

gc.disable()
# moto looks through all methods of a class at each call that it answers.
moto.core.responses.method_names_from_class = functools.cache(moto.core.responses.method_names_from_class)


def pytest_collection_finish() -> None:
    """Leave what was imported out of all garbage collections: moto and botocore's models alone are half a million
    objects, and looking through them took a tenth of the suite's time.
    """
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()
