"""The deployment that `events/*.json` tell of, carried out up to any of its steps.

The events name an image, S3 versions and a rollout. Here they exist under exactly these names, so that each event can
be handed to its function as it is: `sam local invoke ClearRulesFunction -e events/clear_rules.json`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from moto.ecr.models import ecr_backends
from moto.s3.models import s3_backends

from rota.contract import STEPS
from stage.ecr.manifest import MEDIA_TYPE, manifest
from stage.ecs.service_members import show
from stage.ecs.services import Services
from stage.lambda_.sandbox import Outcome
from stage.moto.clients import ACCOUNT, REGION, client

_FOLDERS = {step.name: step.folder for step in STEPS}
# The restored deployment failed while its service rolled; it was neither checked nor finished.
_COMES_AFTER = {"RestoreDeployment": "RollService"}


class ExampleError(Exception):
    """The example cannot be carried out; the message says why."""


class Example:
    """Plays the example on a stage as a user has it before the first push.

    `events` is the directory of the events, `invoke` runs a function by its step's name.
    """

    def __init__(self, events: Path, invoke: Callable[[str, bytes], Outcome], services: Services) -> None:
        self._events = events
        self._invoke = invoke
        self._services = services

    def play(self, bucket: str, before: str) -> None:
        """Carry out every step before that one. Raises ExampleError for a step that fails or does not exist."""
        if before not in _FOLDERS:
            raise ExampleError(f"There is no step {before}; there are {', '.join(_FOLDERS)}.")
        self._push()
        self._name_versions(bucket)
        last, steps = _COMES_AFTER.get(before), list(_FOLDERS)
        for step in steps[: steps.index(last) + 1 if last else steps.index(before)]:
            outcome = self._invoke(step, self._path(step).read_bytes())
            if outcome.failed:
                raise ExampleError(f"{step} failed with {self._path(step).name}: {outcome.payload.decode()}")
            self._name_versions(bucket)
            if step == "RollService":
                self._name_rollout()

    def _push(self) -> None:
        """Put the image there. It starts no deployment: the example is one already."""
        image = json.loads((self._events / "ecr_push.json").read_bytes())["detail"]
        ecr_backends[ACCOUNT][REGION].put_image(
            image["repository-name"], manifest("example"), image["image-tag"], MEDIA_TYPE, image["image-digest"]
        )

    def _name_versions(self, bucket: str) -> None:
        """Make a version of each object that is called what the events call it."""
        s3, keys = client("s3"), s3_backends[ACCOUNT]["aws"].buckets[bucket].keys
        for stored in self._stored():
            key, version = stored["key"], stored["version_id"]
            if key in keys and keys[key].version_id != version:
                s3.put_object(Bucket=bucket, Key=key, Body=s3.get_object(Bucket=bucket, Key=key)["Body"].read())
                keys[key]._version_id = version

    def _stored(self) -> Iterator[dict[str, str]]:
        for step in _FOLDERS:
            for found in _objects(json.loads(self._path(step).read_bytes())):
                if found.keys() == {"key", "version_id"}:
                    yield found

    def _name_rollout(self) -> None:
        rollout = json.loads(self._path("CheckService").read_bytes())["rollout"]
        for service, rollouts in self._services.standing.items():
            rollouts.primary.id = rollout["deployment_id"]
            show(service, rollouts)

    def _path(self, step: str) -> Path:
        return self._events / f"{_FOLDERS[step]}.json"


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a document."""
    if isinstance(document, dict):
        yield document
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from _objects(part)
