"""Revisions: their tags, and how Rota recognises its own."""

import re

import pytest

from rota.ecs.arns import family, has_number, revision_number
from rota.ecs.task_definitions import Revision, inherited_tags, reusable_by_fingerprint, revision_tags
from rota.schedule_file.task import Task
from tests.guestbook import APP, CONTENT, arn, definition, task


def test_rotas_and_awss_tags_are_not_inherited() -> None:
    base = definition(tags={"team": "books", "rota:app": "x", "aws:cloudformation:stack-name": "y"})
    assert inherited_tags(base) == {"team": "books"}


@pytest.mark.parametrize(
    ("task_", "task_tag"),
    [pytest.param(None, {}, id="API"), pytest.param(task(), {"rota:task": "IngestData"}, id="task")],
)
def test_a_revision_has_the_bases_tags_and_rotas(task_: Task | None, task_tag: dict[str, str]) -> None:
    base = definition(tags={"team": "books", "rota:execution": "an older one", "rota:task": "another"})
    own = {"rota:app": APP, "rota:execution": "now", "rota:fingerprint": "f00"}
    assert revision_tags(base, APP, "now", "f00", task_) == {"team": "books", **own, **task_tag}


def owned(revision: int, fingerprint: str = "f00", *, app: str = APP, active: bool = True) -> Revision:
    tags = {"rota:app": app, "rota:fingerprint": fingerprint}
    return Revision(arn=arn(revision), active=active, content=CONTENT, tags=tags)


@pytest.mark.parametrize(
    ("found", "known"),
    [
        pytest.param([owned(2), owned(3, "f01")], {"f00": [arn(2)], "f01": [arn(3)]}, id="owned"),
        pytest.param([owned(2, active=False)], {}, id="inactive"),
        pytest.param([owned(2, app="production/shop")], {}, id="another app's in the same family"),
        pytest.param([definition(revision=2)], {}, id="infrastructure code's"),
        pytest.param([definition(revision=2, tags={"rota:app": APP})], {}, id="without a fingerprint"),
        pytest.param([], {}, id="none"),
        pytest.param([owned(10), owned(9)], {"f00": [arn(9), arn(10)]}, id="several, counted as numbers"),
    ],
)
def test_which_revisions_can_be_used_again(found: list[Revision], known: dict[str, list[str]]) -> None:
    assert {
        fingerprint: [each.arn for each in alike] for fingerprint, alike in reusable_by_fingerprint(found, APP).items()
    } == known


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param({"rota:app": APP, "rota:execution": "now"}, True, id="this deployment"),
        pytest.param({"rota:app": APP, "rota:execution": "earlier"}, False, id="another deployment"),
        pytest.param({"rota:app": "production/shop", "rota:execution": "now"}, False, id="another app"),
        pytest.param({}, False, id="infrastructure code"),
    ],
)
def test_who_registered_a_revision(tags: dict[str, str], expected: bool) -> None:
    assert definition(tags=tags).registered_by(APP, "now") is expected


# Step Functions allows all of these in an execution's name: API_StartExecution, name.
@pytest.mark.parametrize("name", ["rollback!", "rollback(2)", "it's-back", "zur\u00fcck", "a+b=c@d.e:f"])
def test_any_name_of_an_execution_fits_into_its_tag(name: str) -> None:
    tags = revision_tags(definition(), APP, name, "f00", None)
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html
    assert re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{1,256}", tags["rota:execution"])
    assert definition(tags=tags).registered_by(APP, name)


def test_similar_names_of_executions_stay_different() -> None:
    tags = revision_tags(definition(), APP, "rollback!", "f00", None)
    assert not definition(tags=tags).registered_by(APP, "rollback(")
    assert not definition(tags=tags).registered_by(APP, "rollback-")


def test_family_and_number_of_an_arn() -> None:
    assert (family(arn(12, "guest-book")), revision_number(arn(12, "guest-book"))) == ("guest-book", 12)
    assert has_number(arn(12))


def test_an_arn_may_name_a_family_alone() -> None:
    alone = arn(12).rpartition(":")[0]
    assert (has_number(alone), family(alone)) == (False, "guestbook")
