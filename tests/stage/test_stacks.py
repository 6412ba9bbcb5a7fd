"""CloudFormation on the stage, where moto differs from it."""

import json

import pytest

from examples.guestbook.client import Client

LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def test_roles_are_deleted_with_their_stack(stage: Client) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    inline = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": "of-a-toy",
            "AssumeRolePolicyDocument": {"Statement": [trust]},
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
