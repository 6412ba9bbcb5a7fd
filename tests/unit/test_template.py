"""What a person who reviews the template would ask of it; its agreement with the code is in test_contract.py."""

import json
import re
import tomllib
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests import asl
from tests.examples import ROOT

TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
PARAMETERS = TEMPLATE["Parameters"]
RESOURCES = TEMPLATE["Resources"]
CHECKED_BY_AWS = re.compile(r"List<AWS::EC2::")
"""CloudFormation looks up by itself whether each of these is there."""

ROLE = "arn:aws:iam::111122223333:role/shop"
TAKEN = [
    ("RepositoryName", "team/shop"),
    ("ImageTagPattern", "release-*"),
    ("ClusterName", "c" * 127),  # with / and the longest service's name, what the value of a tag may have
    ("ServiceName", "s" * 127),
    ("RulePrefix", "production__shop__"),
    ("PlatformVersion", "1.4.0"),
    ("EventsRoleArn", ""),
    ("EventsRoleArn", "arn:aws-cn:iam::111122223333:role/path/ecsEventsRole"),
    ("FormerEventsRoleArns", ""),
    ("TaskRoleArns", "arn:aws-us-gov:iam::111122223333:role/shop"),
    ("ScheduleKeys", "{repository}/{tag}.json"),
    ("ScheduleKeys", "config/scheduled_tasks.json"),
    ("NotificationEmail", "shop@example.com"),
]
REFUSED = [
    ("RepositoryName", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/Shop"),
    ("ImageTagPattern", "release-**"),
    ("ClusterName", "arn:aws:ecs:eu-west-1:111122223333:cluster/production"),
    ("ClusterName", "c" * 128),
    ("ServiceName", "s" * 128),
    ("TaskDefinitionFamily", "shop:12"),
    ("RulePrefix", "production/shop/"),
    ("PlatformVersion", "1.4"),
    ("EventsRoleArn", "ecsEventsRole"),
    ("FormerEventsRoleArns", "ecsEventsRole"),
    ("TaskRoleArns", "ecsTaskExecutionRole"),
    ("TaskRoleArns", ""),
    ("TaskRoleArns", ROLE.replace(":role/", ":user/")),
    ("ScheduleKeys", "{commit}.json"),
    ("ScheduleKeys", "/scheduled_tasks.json"),
    ("ScheduleKeys", "deployments/scheduled_tasks.json"),
    ("ScheduleKeys", ""),
    ("NotificationEmail", "me"),
]


def texts(value: Any) -> list[str]:
    """Every string in a part of the template."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [str(value)]


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_checked_and_says_what_it_takes(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter["Description"].endswith(".")
    if "AllowedValues" in parameter or CHECKED_BY_AWS.match(parameter["Type"]):
        return
    assert {"AllowedPattern", "MinValue"} & parameter.keys()
    assert "ConstraintDescription" in parameter


# CloudFormation holds a pattern against the whole of a string, and against each item of a list.
@pytest.mark.parametrize(("name", "value"), TAKEN)
def test_a_parameter_takes(name: str, value: str) -> None:
    assert re.fullmatch(PARAMETERS[name]["AllowedPattern"], value)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_parameter_refuses(name: str, value: str) -> None:
    assert not re.fullmatch(PARAMETERS[name]["AllowedPattern"], value)


def test_every_parameter_has_a_place_in_the_console() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)


def test_two_stacks_in_one_account_and_region_share_no_name() -> None:
    """A resource has a name of its own only where the name says the stack; CloudFormation makes up all others."""
    names = {"BucketName", "TableName", "QueueName", "TopicName", "RoleName", "FunctionName", "LayerName", "AlarmName"}
    names |= {"LogGroupName", "FilterName", "Name"}
    given = {
        (resource, key): resource_properties[key]
        for resource, each in RESOURCES.items()
        for resource_properties in [each.get("Properties", {})]
        for key in names & resource_properties.keys()
    }
    refers = {key: value for key, value in given.items() if not (isinstance(value, dict) and "Ref" in value)}
    assert all("${AWS::StackName}" in value["Fn::Sub"] for value in refers.values()), refers
    counted = [
        each["Properties"].get("Namespace") or each["Properties"]["MetricTransformations"][0]["MetricNamespace"]
        for each in RESOURCES.values()
        if each["Type"] in {"AWS::CloudWatch::Alarm", "AWS::Logs::MetricFilter"}
    ]
    own = [namespace for namespace in counted if not str(namespace).startswith("AWS/")]
    assert own == [{"Fn::Sub": "Rota/${AWS::StackName}"}] * 2


def test_nothing_names_a_partition_a_region_or_an_account() -> None:
    fixed = re.compile(r"arn:aws[\w-]*:|\b[a-z]{2}-(north|south|east|west|central)\w*-\d|\b\d{12}\b|amazonaws\.com\.cn")
    assert [text for text in texts([RESOURCES, TEMPLATE["Outputs"]]) if fixed.search(text)] == []


def test_what_the_app_goes_on_to_need_stays_when_the_stack_goes() -> None:
    kept = {name for name, resource in RESOURCES.items() if "DeletionPolicy" in resource}
    assert kept == {"EventsRole", "ConfigBucket", "ConfigBucketPolicy", "LedgerTable"}
    policies = {(RESOURCES[name]["DeletionPolicy"], RESOURCES[name]["UpdateReplacePolicy"]) for name in kept}
    assert policies == {("RetainExceptOnCreate", "Retain")}, "a creation that fails leaves nothing behind"
    told = json.dumps(TEMPLATE["Outputs"]["KeptWhenDeleted"])
    assert all(name in told for name in kept - {"ConfigBucketPolicy"})


def test_every_alarm_reaches_people() -> None:
    alarms = [each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == 6
    assert all(alarm["AlarmActions"] == [{"Ref": "NotificationsTopic"}] for alarm in alarms)


def test_every_push_that_is_lost_sounds_the_alarm_also_beside_an_older_one() -> None:
    alarm = RESOURCES["LostPushesAlarm"]["Properties"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("InvocationsSentToDlq", "Sum"), "arrivals, not what lies there"


def test_a_restore_that_gave_up_has_an_alarm_of_its_own() -> None:
    counts = RESOURCES["FailedRestores"]["Properties"]
    alarm = RESOURCES["FailedRestoresAlarm"]["Properties"]
    (name,) = re.findall(r'\$\.details\.name = "(\w+)"', counts["FilterPattern"])
    assert asl.STATES[name]["Type"] == "Fail"
    assert name == asl.STATES["RestoreDeployment"]["Catch"][0]["Next"]
    (counted,) = counts["MetricTransformations"]
    assert (counted["MetricNamespace"], counted["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
    logging = RESOURCES["DeployStateMachine"]["Properties"]["Logging"]
    assert logging["Level"] == "ALL", "below that, a Fail state's entry is not logged"


def test_the_application_repository_is_told_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    published = TEMPLATE["Metadata"]["AWS::ServerlessRepo::Application"]
    assert published["SemanticVersion"] == project["version"]
    assert (ROOT / published["ReadmeUrl"]).is_file()
