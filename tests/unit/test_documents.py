"""The documents: lines that fit a terminal, links that lead somewhere, a diagram with every step and end."""

import json
import re
from pathlib import Path

import pytest

from docs import generated

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
PROSE = [ROOT / "template.yaml", ROOT / "statemachine/deploy.asl.json", *PAGES] + [
    path
    for folder in ("layers/rota/rota", "functions", "stage", "examples/guestbook")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
# Words that the glossary has a term for, or that hide who acts; also in names, as `goes_on`.
PRIVATE = re.compile(
    r"(?<![^\W_])(?:(?:put(?:s|ting)?|way)[\s_]+back|(?:some|no)body|anew|twins?|farewell|had[\s_]+its[\s_]+turn"
    r"|(?<!\.)tell(?:s|ings?|er)?|told|by[\s_]+(?:now|itself)|go(?:es)?[\s_]+on|(?:go(?:es)?|went)[\s_]+well"
    r"|mend(?:s|ed)?|ours)(?![^\W_])",
    re.IGNORECASE,
)
CODE = re.compile(r"^( *)```.*?^\1```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_fits_100_columns() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert [line for line in lines if len(line) > 100] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(CODE.sub("", page.read_text())) if not link.startswith("http")]
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_step_and_end_is_reached_in_the_diagram() -> None:
    states = json.loads((ROOT / "statemachine/deploy.asl.json").read_text())["States"]
    arrows = re.findall(r"(\w+) -\.?->(?:\|.+?\|)? (\w+)", generated.machine())
    reached = {"TakeTurn"} | {end for _, end in arrows}
    assert reached == {name for name, state in states.items() if state["Type"] in {"Task", "Succeed", "Fail"}}


def test_the_diagram_leaves_out_arrows_that_skip_steps() -> None:
    arrows = re.findall(r"PlanDeployment -->(?:\|(.+?)\|)? (\w+)", generated.machine())
    assert arrows == [("", "RegisterRevisions"), ("dry run", "Planned"), ("waits", "RestoreDeployment")]


def test_the_glossary_has_at_most_40_terms() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    terms = [row for row in rows if row != "term"]
    assert len(terms) == len(set(terms))
    assert 0 < len(terms) <= 40


def test_one_thing_has_one_term() -> None:
    found = {str(path.relative_to(ROOT)): PRIVATE.findall(path.read_text()) for path in PROSE}
    assert {path: words for path, words in found.items() if words} == {}
