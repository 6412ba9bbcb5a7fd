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
    """Unpacks under `directory`, which its creator removes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def code(self, function: LambdaFunction) -> Path:
        """The function's own code: LAMBDA_TASK_ROOT on AWS."""
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
        """The directory with the files of a zip; `sha256` identifies the content."""
        target = self._directory / sha256.replace("/", "_").rstrip("=")  # Lambda gives it in Base64
        with self._lock:
            if not target.exists():
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    archive.extractall(target)
                _use_installed_libraries(target / "python")
        return target


def _use_installed_libraries(python: Path) -> None:
    """Remove a layer's libraries if it was built for another Python: those installed here are used instead.

    Libraries are what pip installed into the layer, with a `.dist-info`; packages that were copied into it stay.
    """
    if all(_fits(binary.name) for binary in python.rglob("*.so")):
        return
    in_layer = {each.name for each in distributions(path=[str(python)])}
    for name, providers in packages_distributions().items():
        if in_layer.isdisjoint(providers):
            continue
        if (python / name).is_dir():
            shutil.rmtree(python / name)
        (python / f"{name}.py").unlink(missing_ok=True)


def _fits(name: str) -> bool:
    """Whether this Python can load an extension module: `x.cpython-311-x86_64-linux-gnu.so`, `x.abi3.so`, `x.so`."""
    return any(name.endswith(suffix) and "." not in name.removesuffix(suffix) for suffix in EXTENSION_SUFFIXES)
