"""What was measured of one state of the product: a stopped run continues, a part may be repeated."""

import hashlib
from pathlib import Path

from pydantic import TypeAdapter

from bench.deployment import Case, Mode
from bench.results import Results

_ROOT = Path(__file__).parent.parent
_MEASURES = ("layers/rota/rota", "functions", "stage", "bench", "statemachine", "template.yaml")
_RESULTS = TypeAdapter(Results)


def file() -> Path:
    """Where the results are kept, named by the content of what is measured and of what measures."""
    digest = hashlib.sha256()
    for place in (_ROOT / each for each in _MEASURES):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in {".py", ".json", ".yaml"}:
                digest.update(f"{path.relative_to(_ROOT)}\0".encode() + path.read_bytes())
    return _ROOT / ".bench" / f"{digest.hexdigest()[:12]}.json"


def read(path: Path) -> Results:
    """The kept results; none if there is no such file."""
    return _RESULTS.validate_json(path.read_bytes()) if path.exists() else Results()


def write(path: Path, results: Results) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(_RESULTS.dump_json(results))


def lacking(results: Results, mode: Mode, tasks: int, cases: tuple[Case, ...], rounds: int) -> tuple[Case, ...]:
    """The cases of which fewer than so many deployments are kept, in their order."""
    kept = [each.case for each in results.measured if (each.mode, each.tasks) == (mode, tasks)]
    return tuple(case for case in cases if kept.count(case) < rounds)


def without(results: Results, mode: Mode, tasks: int, cases: tuple[Case, ...]) -> None:
    """Forget the kept deployments that are measured again."""
    again = {(mode, tasks, case) for case in cases}
    results.measured[:] = [each for each in results.measured if (each.mode, each.tasks, each.case) not in again]
    if tasks == 1:
        results.warm[:] = [each for each in results.warm if (each.mode, each.tasks, each.case) not in again]
