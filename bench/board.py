"""How long the board takes for its page of 300 tasks, without what AWS takes to answer."""

import time

from rota.board import pages
from rota.cli.board import front
from tests.board.sample import deployment, large, page

TASKS, TURNS, MOST_MILLISECONDS = 300, 5, 300.0


def milliseconds() -> tuple[float, int]:
    """The fastest of some turns, and the page's bytes. Schedules are computed anew in each."""
    found, releases = large(TASKS), [deployment(number, 24 * (13 - number)) for number in range(12, 0, -1)]
    seen, size = [], 0
    for _ in range(TURNS):
        front.due_times.cache_clear()
        begun = time.perf_counter()
        size = len(pages.front(page(found, *releases)).encode())
        seen.append((time.perf_counter() - begun) * 1000)
    return min(seen), size
