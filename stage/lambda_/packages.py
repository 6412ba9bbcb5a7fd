"""The files of functions and layers: unpacked once for each content, into a directory of the stage's own."""

import io
import shutil
import threading
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

from moto.awslambda.models import LambdaFunction, lambda_backends

from stage.moto.clients import ACCOUNT, REGION


class Packages:
    """Unpacks under `directory`; whoever made that removes it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def code(self, function: LambdaFunction) -> Path:
        """The function's own code, what AWS calls LAMBDA_TASK_ROOT."""
        return self.unpacked(function.code_sha_256, function.code_bytes)

    def layers(self, function: LambdaFunction) -> list[Path]:
        """The directories that its layers add to Python's path, where AWS adds /opt/python."""
        return [self._layer(layer["Arn"]) for layer in function.layers]

    def _layer(self, arn: str) -> Path:
        layer = lambda_backends[ACCOUNT][REGION].layers_versions_by_arn(arn)
        if layer is None:
            raise FileNotFoundError(f"there is no layer {arn}")
        return self.unpacked(layer.code_sha_256, layer.code_bytes) / "python"

    def unpacked(self, sha256: str, content: bytes) -> Path:
        """The directory with the files of a zip; `sha256` tells one content from another."""
        target = self._directory / sha256.replace("/", "_").rstrip("=")  # Lambda tells it in Base64
        with self._lock:
            if not target.exists():
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    archive.extractall(target)
                _leave_to_the_host(target / "python")
        return target


def _leave_to_the_host(python: Path) -> None:
    """Where a layer was built for another Python, let the distributions that it brings be those installed here.

    Its own code stays, also where a distribution of that name is installed.
    """
    if all(_fits(binary.name) for binary in python.rglob("*.so")):
        return
    brought = {each.name for each in distributions(path=[str(python)])}
    for name, providers in packages_distributions().items():
        if brought.isdisjoint(providers):
            continue
        if (python / name).is_dir():
            shutil.rmtree(python / name)
        (python / f"{name}.py").unlink(missing_ok=True)


def _fits(name: str) -> bool:
    """Whether this Python can load an extension module: `x.cpython-311-x86_64-linux-gnu.so`, `x.abi3.so`, `x.so`."""
    return any(name.endswith(suffix) and "." not in name.removesuffix(suffix) for suffix in EXTENSION_SUFFIXES)
