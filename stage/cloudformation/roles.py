"""Roles and managed policies as CloudFormation creates, updates and deletes them.

moto attaches no managed policies to roles, makes none with AWS::NoValue in it, and updates and deletes none. It does
not update inline ones, and does not delete a role that has managed ones.
"""

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, ManagedPolicy, Role, iam_backends

from stage.cloudformation.resources import Properties, then
from stage.cloudformation.updates import in_place
from stage.moto.clients import ACCOUNT, REGION
from stage.moto.patch import replace


def install() -> None:
    """Have all roles that a stack creates or updates keep their policies, and roles and policies go with the stack."""
    then(Role, _keep_policies)
    _detach_before_deletion()
    _make_policies_whole()
    in_place(ManagedPolicy, "ManagedPolicyName", _change_policy)
    replace(ManagedPolicy, "delete_from_cloudformation_json", staticmethod(_delete_policy))


def _detach_before_deletion() -> None:
    """CloudFormation detaches a role's managed policies before it deletes the role."""
    delete = Role.delete_from_cloudformation_json

    def detach_and_delete(name: str, resource: Properties, account: str, region: str) -> None:
        iam_backends[account]["aws"].get_role(name).managed_policies = {}
        delete(name, resource, account, region)

    replace(Role, "delete_from_cloudformation_json", staticmethod(detach_and_delete))


def _make_policies_whole() -> None:
    """moto refuses a managed policy with a statement that is AWS::NoValue."""
    create = ManagedPolicy.create_from_cloudformation_json

    def create_whole(name: str, resource: Properties, account: str, region: str, **identity: Any) -> ManagedPolicy:
        whole = {**resource, "Properties": _whole(dict(resource["Properties"]))}
        return create(name, whole, account, region, **identity)

    replace(ManagedPolicy, "create_from_cloudformation_json", staticmethod(create_whole))


def _change_policy(policy: ManagedPolicy, properties: Properties) -> None:
    """CloudFormation deletes a policy's version when it has made the next the default."""
    (version,) = [each for each in policy.versions if each.is_default]
    version.document = json.dumps(_whole(properties["PolicyDocument"]), default=str)


def _delete_policy(arn: str, _: Properties, account: str, __: str) -> None:
    backend = iam_backends[account]["aws"]
    for role in backend.roles.values():
        role.managed_policies.pop(arn, None)
    del backend.managed_policies[arn]


def _keep_policies(role: Role, properties: Properties) -> None:
    backend = iam_backends[ACCOUNT]["aws"]
    made = backend.get_role(role.name)  # an update does not always return the role itself
    made.policies = {
        policy["PolicyName"]: json.dumps(_whole(policy["PolicyDocument"]), default=str)
        for policy in properties.get("Policies", [])
    }
    if "AssumeRolePolicyDocument" in properties:
        made.assume_role_policy_document = json.dumps(properties["AssumeRolePolicyDocument"], default=str)
    made.managed_policies = {}
    for arn in properties.get("ManagedPolicyArns", []):
        if arn not in backend.managed_policies:
            backend.managed_policies[arn] = _managed_by_aws(arn)
        made.managed_policies[arn] = backend.managed_policies[arn]


def _whole(document: Any) -> Any:
    """The document without AWS::NoValue, for which moto leaves None in a list."""
    if isinstance(document, list):
        return [_whole(each) for each in document if each is not None]
    if isinstance(document, dict):
        return {key: _whole(value) for key, value in document.items()}
    return document


def _managed_by_aws(arn: str) -> AWSManagedPolicy:
    """One of AWS's own policies, from moto's copy of them. KeyError when there is none."""
    name = arn.rpartition("/")[2]
    return AWSManagedPolicy.from_data(name, ACCOUNT, REGION, _published()[name])


@cache
def _published() -> dict[str, Any]:
    published: dict[str, Any] = json.loads(aws_managed_policies_data)
    return published
