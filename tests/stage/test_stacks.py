"""CloudFormation on the stage, where moto differs from it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from examples.guestbook.client import Client
from tests.stage.updated import as_given, updated

TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def test_roles_are_deleted_with_their_stack(stage: Client) -> None:
    inline = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": "of-a-toy",
            "AssumeRolePolicyDocument": {"Statement": [TRUST]},
            "ManagedPolicyArns": [LOGS],
            "Policies": [{"PolicyName": "inline", "PolicyDocument": {"Statement": [inline]}}],
        },
    }
    cloudformation, iam = stage.client("cloudformation"), stage.client("iam")
    cloudformation.create_stack(StackName="toy", TemplateBody=json.dumps({"Resources": {"Role": role}}))
    attached = iam.list_attached_role_policies(RoleName="of-a-toy")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [LOGS]

    cloudformation.delete_stack(StackName="toy")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="of-a-toy")


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_retained_resources_stay_after_their_stack(stage: Client, policy: str) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": policy, "Properties": {"BucketName": "kept-of-a-toy"}}
    cloudformation, s3 = stage.client("cloudformation"), stage.client("s3")
    cloudformation.create_stack(StackName="toy", TemplateBody=json.dumps({"Resources": {"Bucket": bucket}}))
    cloudformation.delete_stack(StackName="toy")
    assert s3.head_bucket(Bucket="kept-of-a-toy")["BucketRegion"]
    s3.delete_bucket(Bucket="kept-of-a-toy")


def test_a_group_of_schedules_is_its_stacks(stage: Client) -> None:
    group = {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Tags": [{"Key": "of", "Value": {"Ref": "Of"}}]}}
    template = {
        "Parameters": {"Of": {"Type": "String"}},
        "Resources": {"Group": group, "Kept": {**group, "DeletionPolicy": "RetainExceptOnCreate"}},
        "Outputs": {"Group": {"Value": {"Fn::GetAtt": ["Group", "Arn"]}}, "Kept": {"Value": {"Ref": "Kept"}}},
    }
    cloudformation, scheduler = stage.client("cloudformation"), stage.client("scheduler")
    seen = []
    for call, of in ((cloudformation.create_stack, "one"), (cloudformation.update_stack, "two")):
        call(StackName="toy", TemplateBody=json.dumps(template), Parameters=as_given(Of=of))
        outputs = cloudformation.describe_stacks(StackName="toy")["Stacks"][0]["Outputs"]
        found = {each["OutputKey"]: each["OutputValue"] for each in outputs}
        seen.append((found, scheduler.list_tags_for_resource(ResourceArn=found["Group"])["Tags"]))
    (found, first), (found_then, second) = seen
    assert found == found_then
    assert (first, second) == ([{"Key": "of", "Value": "one"}], [{"Key": "of", "Value": "two"}])

    cloudformation.delete_stack(StackName="toy")
    there = {each["Name"] for each in scheduler.list_schedule_groups(NamePrefix="toy-")["ScheduleGroups"]}
    assert there == {found["Kept"]}
    scheduler.delete_schedule_group(Name=found["Kept"])


def test_a_rule_is_deleted_with_its_targets(stage: Client) -> None:
    target = {"Id": "topic", "Arn": "arn:aws:sns:us-east-1:123456789012:toy"}
    properties = {"Name": "toy", "ScheduleExpression": "rate(1 day)", "Targets": [target]}
    cloudformation, kept = stage.client("cloudformation"), {"Kept": {"Type": "AWS::SNS::Topic"}}
    resources = {**kept, "Rule": {"Type": "AWS::Events::Rule", "Properties": properties}}
    cloudformation.create_stack(StackName="toy", TemplateBody=json.dumps({"Resources": resources}))
    stage.keep("toy")
    stage.reset("toy")
    cloudformation.update_stack(StackName="toy", TemplateBody=json.dumps({"Resources": kept}))
    assert stage.client("events").list_rules(NamePrefix="toy")["Rules"] == []
    cloudformation.delete_stack(StackName="toy")


def test_names_that_it_makes_fit(stage: Client) -> None:
    name = "shop-prod-cluster-of-a-team-with-a-long-name"
    rule = {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "rate(1 day)"}}
    resources = {"StartsTheDeploymentOfAPush": rule}
    stage.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    (made,) = stage.client("events").list_rules(NamePrefix="shop-prod-")["Rules"]
    assert len(made["Name"]) == 64
    assert "-StartsTheDeploymentOfAPush-" in made["Name"]
    stage.client("cloudformation").delete_stack(StackName=name)


def test_a_group_with_another_name_is_another(stage: Client) -> None:
    group: dict[str, Any] = {
        "Type": "AWS::Scheduler::ScheduleGroup",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"Name": {"Ref": "Name"}},
    }
    template: dict[str, Any] = {
        "Parameters": {"Name": {"Type": "String"}},
        "Resources": {"Kept": group, "Gone": {**group, "UpdateReplacePolicy": "Delete"}},
    }
    for name in ("Kept", "Gone"):
        template["Resources"][name]["Properties"] = {"Name": {"Fn::Sub": f"${{Name}}-{name}"}}
    cloudformation, scheduler = stage.client("cloudformation"), stage.client("scheduler")
    for call, name in ((cloudformation.create_stack, "toy-a"), (cloudformation.update_stack, "toy-b")):
        call(StackName="toy", TemplateBody=json.dumps(template), Parameters=as_given(Name=name))
    there = {each["Name"] for each in scheduler.list_schedule_groups(NamePrefix="toy-")["ScheduleGroups"]}
    assert there == {"toy-a-Kept", "toy-b-Kept", "toy-b-Gone"}
    cloudformation.delete_stack(StackName="toy")
    assert scheduler.list_schedule_groups(NamePrefix="toy-b")["ScheduleGroups"] == []
    scheduler.delete_schedule_group(Name="toy-a-Kept")


def test_a_stack_takes_no_group_that_is_there(stage: Client) -> None:
    cloudformation, scheduler = stage.client("cloudformation"), stage.client("scheduler")
    scheduler.create_schedule_group(Name="toy-there")
    group = {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "toy-there"}}
    with pytest.raises(ClientError, match="toy-there already exists"):
        cloudformation.create_stack(StackName="toy", TemplateBody=json.dumps({"Resources": {"Group": group}}))
    assert scheduler.get_schedule_group(Name="toy-there")["State"] == "ACTIVE"
    cloudformation.delete_stack(StackName="toy")
    scheduler.delete_schedule_group(Name="toy-there")


@pytest.mark.exhaustive(first=0)
def test_other_parameters_change_policies_and_environments(stage: Client) -> None:
    of_app = stage.client("cloudformation").describe_stacks(StackName="rota")["Stacks"][0]["Parameters"]
    repository = next(each["ParameterValue"] for each in of_app if each["ParameterKey"] == "RepositoryName")
    with updated(stage, TaskNetworks="any", RepositoryName="other", LogRetentionDays="7") as modified:
        granted, set_ = _policy(stage, "ReadConfigFunctionRole"), _environment(stage, "ReadConfigFunction")
        assert "ec2:DescribeSubnets" in granted
        assert ":repository/other" in granted
        assert f":repository/{repository}" not in granted
        assert (set_["REPOSITORY"], set_["TASK_NETWORKS"]) == ("other", "any")
        assert (
            stage.client("logs").describe_log_groups(logGroupNamePrefix="/rota/rota/")["logGroups"][0][
                "retentionInDays"
            ]
            == 7
        )
        assert {"ReadConfigFunctionRole", "TakeTurnFunctionRole", "TakeTurnFunction"} <= modified
        assert not {"NotificationsTopic", "EventsRole", "LedgerTable"} & modified
    assert "ec2:DescribeSubnets" not in _policy(stage, "ReadConfigFunctionRole")


def test_what_refers_to_a_replaced_resource_follows_it(stage: Client) -> None:
    inline = {"Effect": "Allow", "Action": "sns:Publish", "Resource": {"Ref": "Topic"}}
    template = {
        "Parameters": {"Topics": {"Type": "String"}, "Shown": {"Type": "String"}},
        "Conditions": {"Shows": {"Fn::Equals": [{"Ref": "Shown"}, "all"]}},
        "Resources": {
            "Topic": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"TopicName": {"Fn::Sub": "${Topics}-toy"}, "DisplayName": {"Ref": "Shown"}},
            },
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": "of-a-toy",
                    "AssumeRolePolicyDocument": {"Statement": [TRUST]},
                    "Policies": [{"PolicyName": "inline", "PolicyDocument": {"Statement": [inline]}}],
                },
            },
            "Kept": {"Type": "AWS::SNS::Topic", "Condition": "Shows", "DeletionPolicy": "Retain"},
            "Gone": {"Type": "AWS::SNS::Topic", "Condition": "Shows"},
        },
    }
    cloudformation, sns, iam = (stage.client(name) for name in ("cloudformation", "sns", "iam"))
    given = {"StackName": "toy", "TemplateBody": json.dumps(template)}
    seen = []
    for call, topics, shown in (
        (cloudformation.create_stack, "a", "none"),
        (cloudformation.update_stack, "a", "all"),
        (cloudformation.update_stack, "b", "few"),
    ):
        call(**given, Parameters=as_given(Topics=topics, Shown=shown))
        document = iam.get_role_policy(RoleName="of-a-toy", PolicyName="inline")["PolicyDocument"]
        names = {each["TopicArn"].rpartition(":")[2] for each in sns.list_topics()["Topics"]}
        toys = {name[:8] for name in names if "toy" in name}
        seen.append((document["Statement"][0]["Resource"].rpartition(":")[2], toys))
    cloudformation.delete_stack(StackName="toy")
    assert seen == [
        ("a-toy", {"a-toy"}),
        ("a-toy", {"a-toy", "toy-Kept", "toy-Gone"}),
        ("b-toy", {"b-toy", "toy-Kept"}),
    ]


def _policy(stage: Client, role: str) -> str:
    """The inline policy of one of the stack's roles, as text."""
    iam = stage.client("iam")
    (name,) = [each["RoleName"] for each in iam.list_roles()["Roles"] if each["RoleName"].startswith(f"rota-{role}-")]
    return json.dumps(iam.get_role_policy(RoleName=name, PolicyName=f"{role}Policy0")["PolicyDocument"])


def _environment(stage: Client, function: str) -> Any:
    listed = stage.client("lambda").list_functions()["Functions"]
    (found,) = [each for each in listed if each["FunctionName"].startswith(f"rota-{function}-")]
    return found["Environment"]["Variables"]
