"""The guestbook with Rota, as a scenario for the stage: `python -m stage --scenario examples.guestbook`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from examples.guestbook import seed, steps
from examples.guestbook.app import OWNER_TAG, App
from stage.scenario import Outputs, Scenario

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "examples/app"
APP = App()


def names(outputs: Outputs) -> dict[str, Any]:
    """What `GET /_stage/` shows of the guestbook."""
    return {
        "state_machine_arn": outputs.get("StateMachineArn"),
        "bucket": outputs.get("BucketName"),
        "schedule_key": APP.schedule_key,
        "repository": APP.repository,
        "cluster": APP.cluster,
        "service": APP.service,
        "family": APP.family,
        "container": APP.container,
        "rule_prefix": APP.rule_prefix,
    }


def summary(names: Mapping[str, Any]) -> str:
    """What a user finds on the stage, in one line."""
    bucket = [f"the bucket {names['bucket']}"] if names["bucket"] else []
    service = f"the service {names['service']} on the cluster {names['cluster']}"
    return ", ".join([service, f"the repository {names['repository']}", *bucket])


def create(endpoint: str, outputs: Outputs) -> None:
    """Create the app as it runs before the first push."""
    seed.create(APP, endpoint, (SOURCE / APP.schedule_key).read_bytes(), outputs.get("BucketName", ""))


SCENARIO = Scenario(
    template=ROOT / "template.yaml",
    stack="rota",
    parameters=APP.parameters,
    seed=create,
    names=names,
    summary=summary,
    repository=APP.repository,
    directory=SOURCE,
    function_suffix="Function",
    execution_in_event=("execution", "name"),
    owner_tag=OWNER_TAG,
    play=steps.play,
)
