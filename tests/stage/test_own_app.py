"""`make app`: an app of one's own on the stage, from its task definition alone."""

import json
from pathlib import Path
from socket import socket
from typing import Any

import pytest

from examples.guestbook.client import Client
from rota.cli.init.text import REQUIRED
from stage import own_app
from stage.moto.clients import ACCOUNT, REGION
from tests.examples import ROOT
from tests.stage.account import revision
from tests.stage.conftest import Rota

OWN = "arn:aws:{}:eu-central-1:444455556666:{}"
SECRETS = [
    {"name": "URL", "valueFrom": OWN.format("ssm", "parameter/shop/url")},
    {"name": "KEY", "valueFrom": OWN.format("secretsmanager", "secret:shop/key-a1b2c3:key::")},
]
LOGS = {"awslogs-group": "/ecs/shop", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "app"}
DEFINITION: dict[str, Any] = {
    "family": "shop",
    "revision": 12,
    "status": "ACTIVE",
    "taskRoleArn": "arn:aws:iam::444455556666:role/shop-task",
    "containerDefinitions": [
        {
            "name": "app",
            "image": "444455556666.dkr.ecr.eu-central-1.amazonaws.com/shop:4f2a9c1",
            "secrets": SECRETS,
            "logConfiguration": {"logDriver": "awslogs", "options": LOGS},
        }
    ],
}
SHOP = json.dumps({"taskDefinition": DEFINITION})


def test_what_the_app_names_is_made_on_the_stage(
    deployed: Client, rota: Rota, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second time is as good. A cluster that is there stays as it is."""
    providers = ["FARGATE", "FARGATE_SPOT"]
    deployed.client("ecs").put_cluster_capacity_providers(
        cluster="production", capacityProviders=providers, defaultCapacityProviderStrategy=[]
    )
    for cluster in ("production", "production", "of-shop"):
        own_app.create(deployed, own_app.read(SHOP, ACCOUNT, REGION), cluster, "shop-api")
    clusters = deployed.client("ecs").describe_clusters(clusters=["production", "of-shop"])["clusters"]
    assert [each.get("capacityProviders", []) for each in clusters] == [providers, []]
    (service,) = deployed.client("ecs").describe_services(cluster="production", services=["shop-api"])["services"]
    assert service["taskDefinition"].endswith("shop:2")
    made = revision(deployed, service["taskDefinition"])
    assert "444455556666" not in json.dumps(made)
    url, key = (each["valueFrom"] for each in made["containerDefinitions"][0]["secrets"])
    assert url == f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/url"
    assert deployed.client("ssm").get_parameter(Name="/shop/url")["Parameter"]["Type"] == "SecureString"
    assert key.endswith(":key::")
    deployed.client("secretsmanager").describe_secret(SecretId=key.removesuffix(":key::"))

    monkeypatch.chdir(tmp_path)
    read = rota("init", "production/shop-api", "--env", "shop", "--json")
    assert (read.exit, read.json["remarks"], read.json["not_taken"]) == (0, [], [])
    assert read.json["others"] == {"production/guestbook-api": 3}
    assert {*REQUIRED} <= read.json["parameters"].keys()
    assert read.json["parameters"]["RepositoryName"] == "shop"
    assert json.loads((tmp_path / "scheduled_tasks.json").read_text()) == {"tasks": []}
    samconfig = tmp_path / "samconfig.toml"
    (tmp_path / "scheduled_tasks.json").unlink()
    samconfig.write_text((ROOT / "samconfig.toml").read_text().replace("production.", "shop."))
    over = rota("init", "production/shop-api", "--env", "shop", "--json")
    assert (over.exit, over.json["kept"], over.json["replaced"]) == (0, {}, {"ImageTagPattern": "release-*"})
    samconfig.write_text(samconfig.read_text().replace('"RulePrefix', '"ImageTagPattern=release-*", "RulePrefix'))
    again = rota("init", "production/shop-api", "--env", "shop", "--yes")
    assert "  kept from before: ImageTagPattern=release-*\n  not set: NotificationEmail, for example" in again.out
    assert "left alone: 3 schedules of production/guestbook-api" in again.err


def test_a_definition_without_ecr_and_roles_gets_both() -> None:
    given = {"family": "shop", "containerDefinitions": [{"name": "app", "image": "shop:latest"}]}
    app = own_app.read(json.dumps(given), ACCOUNT, REGION)
    assert (app.repository, app.roles) == ("shop", ["shop-execution"])
    assert app.containers[0]["image"] == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop:initial"


@pytest.mark.parametrize("text", ["[", "[]", "{}"])
def test_what_is_no_task_definition_is_refused(text: str) -> None:
    with pytest.raises(own_app.UnusableError):
        own_app.read(text, ACCOUNT, REGION)


def test_a_change_set_that_is_not_executed_leaves_no_second_stack(stage: Client) -> None:
    cloudformation = stage.client("cloudformation")
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    given = {"StackName": "toy", "TemplateBody": body, "ChangeSetType": "CREATE"}
    cloudformation.create_change_set(ChangeSetName="refused", **given)
    cloudformation.create_change_set(ChangeSetName="taken", **given)
    cloudformation.execute_change_set(ChangeSetName="taken", StackName="toy")
    stacks = cloudformation.describe_stacks(StackName="toy")["Stacks"]
    cloudformation.delete_stack(StackName="toy")
    assert [each["StackStatus"] for each in stacks] == ["CREATE_COMPLETE"]


def test_without_a_stage_it_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setattr("sys.argv", ["own_app", "shop.json", "production/shop-api", "--port", str(port)])
    assert own_app.main() == 1
    assert f"no stage answers on port {port}" in capsys.readouterr().err
