"""The example deployment of `events/*.json`, played up to any of its steps.

The events name an image, S3 versions and a rollout in AWS's forms. `play` gives these things exactly those names on the
stage, so that each event fits its function unchanged: `sam local invoke ClearRulesFunction -e events/clear_rules.json`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moto.ecr.models import ecr_backends
from moto.s3.models import s3_backends

from rota.contract.steps import STEPS
from stage.ecr.manifest import MEDIA_TYPE, manifest
from stage.ecs.service_members import show
from stage.ecs.services import Services
from stage.moto.clients import ACCOUNT, REGION, client
from stage.scenario import Invoke, Outputs, ScenarioError

EVENTS = Path(__file__).parents[2] / "events"
_FOLDERS = {step.name: step.folder for step in STEPS}
# The restored deployment failed while its service rolled; it was neither checked nor finished.
_COMES_AFTER = {"RestoreDeployment": "RollService"}


def play(before: str, outputs: Outputs, invoke: Invoke, services: Services) -> None:
    """Run every step before that one, on a stage as it is before the first push.

    Raises ScenarioError for a step that does not exist or fails.
    """
    if before not in _FOLDERS:
        raise ScenarioError(f"There is no step {before}; there are {', '.join(_FOLDERS)}.")
    bucket = outputs["BucketName"]
    _push()
    _name_versions(bucket)
    last, steps = _COMES_AFTER.get(before), list(_FOLDERS)
    for step in steps[: steps.index(last) + 1 if last else steps.index(before)]:
        outcome = invoke(step, _event(step).read_bytes())
        if outcome.failed:
            raise ScenarioError(f"{step} failed with {_event(step).name}: {outcome.payload.decode()}")
        _name_versions(bucket)
        if step == "RollService":
            _name_rollout(services)


def _push() -> None:
    """Store the image in moto directly: an event of the push would start a second deployment."""
    image = json.loads((EVENTS / "ecr_push.json").read_bytes())["detail"]
    ecr_backends[ACCOUNT][REGION].put_image(
        image["repository-name"], manifest("example"), image["image-tag"], MEDIA_TYPE, image["image-digest"]
    )


def _name_versions(bucket: str) -> None:
    """Give each object that the events name a version with the ID that they name."""
    s3, keys = client("s3"), s3_backends[ACCOUNT]["aws"].buckets[bucket].keys
    for stored in _stored():
        key, version = stored["key"], stored["version_id"]
        if key in keys and keys[key].version_id != version:
            s3.put_object(Bucket=bucket, Key=key, Body=s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            keys[key]._version_id = version


def _stored() -> Iterator[dict[str, str]]:
    for step in _FOLDERS:
        for found in _objects(json.loads(_event(step).read_bytes())):
            if found.keys() == {"key", "version_id"}:
                yield found


def _name_rollout(services: Services) -> None:
    rollout = json.loads(_event("CheckService").read_bytes())["rollout"]
    for service, rollouts in services.rollouts.items():
        rollouts.primary.id = rollout["deployment_id"]
        show(service, rollouts)


def _event(step: str) -> Path:
    """The event of a step, as the state machine hands it to the function."""
    return EVENTS / f"{_FOLDERS[step]}.json"


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a document."""
    if isinstance(document, dict):
        yield document
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from _objects(part)
