"""The fingerprint: equal for contents that ECS runs alike, different for all others."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from rota.ecs.fingerprint import ALGORITHM, contains, fingerprint_of
from tests.guestbook import APP_CONTAINER, CONTENT, SIDECAR

Change = Callable[[dict[str, Any]], object]


def with_app(**changes: Any) -> dict[str, Any]:
    return CONTENT | {"containerDefinitions": [APP_CONTAINER | changes, SIDECAR]}


def changed(change: Change) -> dict[str, Any]:
    content = copy.deepcopy(CONTENT)
    change(content)
    return content


IGNORED = [
    pytest.param(lambda c: c["containerDefinitions"].reverse(), id="order of containers"),
    pytest.param(lambda c: c["containerDefinitions"][0]["environment"].reverse(), id="order of environment"),
    pytest.param(lambda c: c["containerDefinitions"][0].pop("cpu"), id="cpu 0"),
    pytest.param(lambda c: c["containerDefinitions"][0].update(mountPoints=[], volumesFrom=[]), id="empty lists"),
    pytest.param(lambda c: c.update(volumes=[{"name": "scratch"}]), id="empty object"),
    pytest.param(lambda c: c.update(enableFaultInjection=False), id="false"),
    pytest.param(lambda c: c.update(pidMode=None), id="null"),
]


@pytest.mark.parametrize("change", IGNORED)
def test_what_ecs_completes_and_reorders_is_ignored(change: Change) -> None:
    base = with_app(environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    completed = copy.deepcopy(base)
    change(completed)
    assert completed != base
    assert fingerprint_of(completed, {}) == fingerprint_of(base, {})


NOTICED = [
    pytest.param(lambda c: c.update(cpu="512"), id="cpu"),
    pytest.param(lambda c: c.update(taskRoleArn="arn:aws:iam::123456789012:role/other"), id="role"),
    pytest.param(lambda c: c.update(volumes=[]), id="volume"),
    pytest.param(lambda c: c.update(fromTheFuture={"on": True}), id="unknown field"),
    pytest.param(lambda c: c["containerDefinitions"].pop(), id="container"),
    pytest.param(lambda c: c["containerDefinitions"][0].update(image="other"), id="image"),
    pytest.param(lambda c: c["containerDefinitions"][0]["command"].append("x"), id="command"),
    pytest.param(lambda c: c["containerDefinitions"][0].update(essential=False), id="essential"),
    pytest.param(lambda c: c["containerDefinitions"][0]["environment"][0].update(value="debug"), id="variable"),
    pytest.param(lambda c: c["containerDefinitions"][0]["environment"][0].update(value=""), id="emptied variable"),
    pytest.param(lambda c: c["containerDefinitions"][0].update(secrets=[]), id="secret"),
    pytest.param(lambda c: c["containerDefinitions"][1].update(memory=256), id="sidecar"),
]


@pytest.mark.parametrize("change", NOTICED)
def test_every_change_that_a_task_notices_counts(change: Change) -> None:
    assert fingerprint_of(changed(change), {}) != fingerprint_of(CONTENT, {})


@pytest.mark.parametrize("change", IGNORED)
def test_completed_content_contains_the_desired(change: Change) -> None:
    wanted = with_app(environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    completed = copy.deepcopy(wanted)
    change(completed)
    assert contains(completed, wanted)
    assert contains(completed | {"fromTheFuture": {"on": True}}, wanted)


@pytest.mark.parametrize("change", [each for each in NOTICED if each.id != "unknown field"])
def test_changed_content_does_not_contain_the_desired(change: Change) -> None:
    assert not contains(changed(change), CONTENT)


@pytest.mark.parametrize(
    "added",
    [
        {"entryPoint": ["sleep", "9999"]},
        {"user": "root"},
        {"readonlyRootFilesystem": True},
        {"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::bucket/debug.env"}]},
        {"dependsOn": [{"containerName": "metrics", "condition": "START"}]},
    ],
    ids=lambda added: next(iter(added)),
)
def test_added_content_does_not_contain_the_desired(added: dict[str, Any]) -> None:
    assert not contains(with_app(**added), CONTENT)


def test_the_order_of_a_command_counts() -> None:
    one, other = with_app(command=["a", "b"]), with_app(command=["b", "a"])
    assert fingerprint_of(one, {}) != fingerprint_of(other, {})


def test_tags_count() -> None:
    assert len({fingerprint_of(CONTENT, tags) for tags in ({}, {"team": "books"}, {"team": ""})}) == 3


def test_a_new_way_to_hash_has_a_new_number() -> None:
    """The next deployment takes recorded fingerprints for its own only if the number is the same."""
    hashed = fingerprint_of(CONTENT, {"team": "books"})
    assert (ALGORITHM, hashed[:16]) == (1, "18d259fe50a1488c")


@pytest.mark.parametrize("key", ["taskRoleArn", "executionRoleArn", "volumes", "cpu", "memory"])
def test_what_a_person_adds_to_a_definition_is_a_change(key: str) -> None:
    least = {name: value for name, value in CONTENT.items() if name != key}
    assert not contains(least | {key: "x"}, least)
    assert contains(least, least)


@pytest.mark.parametrize(
    "key",
    [
        *("image", "command", "entryPoint", "workingDirectory", "user", "environment", "environmentFiles", "secrets"),
        *("mountPoints", "dependsOn", "privileged", "readonlyRootFilesystem", "cpu", "memory"),
    ],
)
def test_what_a_person_adds_to_a_container_is_a_change(key: str) -> None:
    least = {name: value for name, value in APP_CONTAINER.items() if name != key}
    wanted, completed = ({"containerDefinitions": [each]} for each in (least, least | {key: "x"}))
    assert not contains(completed, wanted)
    assert contains({"containerDefinitions": [least | {"systemControls": "x"}]}, wanted)


def test_the_fingerprint_counts_tags_and_orders_of_words() -> None:
    assert fingerprint_of({"a": 1}, {"x": "y"}) != fingerprint_of({"a": 1}, {})
    assert fingerprint_of({"a": ["x", "y"]}, {}) != fingerprint_of({"a": ["y", "x"]}, {})
    assert fingerprint_of({"b": 2, "a": 1}, {}) == fingerprint_of({"a": 1, "b": 2}, {})
    assert not contains({"a": ["x"]}, {"a": ["x", "y"]})
    assert not contains({"a": "x"}, {"a": ["x"]})
    assert not contains({}, {"a": "x"})
