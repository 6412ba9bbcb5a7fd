"""A layer that was built for Lambda, unpacked on a machine with another Python."""

import hashlib
import io
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from stage.lambda_.packages import Packages

SUFFIX = EXTENSION_SUFFIXES[0]  # such as .cpython-311-x86_64-linux-gnu.so


METADATA = "python/pydantic-2.0.dist-info/METADATA"


def unpacked(tmp_path: Path, *files: str) -> list[str]:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in files:
            archive.writestr(name, "Name: pydantic\nVersion: 2.0\n" if name == METADATA else "")
    zipped = content.getvalue()
    there = Packages(tmp_path).unpacked(hashlib.sha256(zipped).hexdigest(), zipped)
    return sorted(str(path.relative_to(there)) for path in there.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("binary", "kept"),
    [
        pytest.param(f"_core{SUFFIX}", True, id="for this Python"),
        pytest.param("_core.abi3.so", True, id="for any Python 3"),
        pytest.param("_core.so", True, id="of no particular Python"),
        pytest.param("_core.cpython-399-x86_64-linux-gnu.so", False, id="for another Python"),
        pytest.param("_core.cpython-311-sparc-linux-gnu.so", False, id="for another processor"),
    ],
)
def test_installed_libraries_replace_those_for_another_python(tmp_path: Path, binary: str, kept: bool) -> None:
    library = [f"python/pydantic/{binary}", "python/pydantic/__init__.py"]
    others = ["python/rota/__init__.py", METADATA]
    assert unpacked(tmp_path, *library, *others) == sorted([*(library if kept else []), *others])


def test_the_same_content_is_unpacked_once(tmp_path: Path) -> None:
    assert unpacked(tmp_path, "app.py") == unpacked(tmp_path, "app.py") == ["app.py"]
    assert len(list(tmp_path.iterdir())) == 1
