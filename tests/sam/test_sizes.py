"""The documents name the sizes of the built layer and functions."""

import io
import re
import zipfile
from pathlib import Path

import pytest

from tests.examples import ROOT

pytestmark = pytest.mark.sam

BUILT = ROOT / ".aws-sam/build"
MB, KB = 1_000_000, 1_000


def sizes(directory: Path) -> tuple[int, int]:
    """Bytes, zipped and unzipped, without bytecode, which only some machines make."""
    zipped, files = io.BytesIO(), [path for path in sorted(directory.rglob("*")) if path.is_file()]
    source = [path for path in files if path.suffix != ".pyc"]
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in source:
            archive.write(path, path.relative_to(directory))
    return len(zipped.getvalue()), sum(path.stat().st_size for path in source)


def test_the_built_sizes_match_the_documents() -> None:
    if not BUILT.exists():
        pytest.skip("the application is not built; make test-sam builds it first")
    page = (ROOT / "docs/develop.md").read_text()
    said = re.search(r"functions of (\d+) kB, and a layer of ([\d.]+) MB zipped, ([\d.]+) MB", page)
    assert said
    zipped, unzipped = sizes(BUILT / "RotaLayer")
    assert (zipped / MB, unzipped / MB) == pytest.approx((float(said[2]), float(said[3])), abs=0.1)
    functions = [sizes(each)[0] for each in BUILT.glob("*Function")]
    assert len(functions) == len([*(ROOT / "functions").glob("*/app.py")])
    assert round(max(functions) / KB) == int(said[1])
