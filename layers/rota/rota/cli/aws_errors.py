"""What AWS and botocore refuse, as a message for a person and an exit code. The command does it here alone."""

import os
import re
from typing import Any

from botocore import exceptions as refused

from rota.cli.exits import CommandError, Exit

_EXPIRED = {
    *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"),
    *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
    *("AuthFailure", "IncompleteSignature", "MissingAuthenticationToken", "InvalidSignatureException"),
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403", "Forbidden"}
_THROTTLED = re.compile(
    "Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|ProvisionedThroughputExceeded|BandwidthLimit"
)
_MISSING = re.compile("NotFound|DoesNotExist|NoSuch")
_INTERNAL = 500
# AWS's words: "User: ARN is not authorized to perform: ACTION on resource: RESOURCE because no identity-based ..."
_WORDS = re.compile(r"not authorized to perform: (?P<action>[\w:*-]+)(?: on resource: (?P<resource>\S+))?")
_SIGN_IN = "`aws sts get-caller-identity` says who you are; sign in again (`aws sso login`), or name --profile"
POLICIES: dict[str, frozenset[str]] = {
    "ViewerPolicy": frozenset(
        {
            *("cloudformation:DescribeStacks", "dynamodb:Query", "ecs:DescribeServices", "ecs:DescribeTaskDefinition"),
            *("states:DescribeExecution", "states:GetExecutionHistory", "events:ListRules", "events:DescribeRule"),
            *("events:ListTargetsByRule", "events:ListTagsForResource"),
            *("scheduler:ListSchedules", "scheduler:GetSchedule"),
            *("ecs:ListTasks", "ecs:DescribeTasks", "logs:FilterLogEvents", "logs:GetLogEvents"),
        }
    ),
    "PlanReaderPolicy": frozenset({"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"}),
    "DeployerPolicy": frozenset(
        {
            *("states:StartExecution", "states:ListExecutions", "states:StopExecution", "ecr:DescribeImages"),
            "s3:PutObject",
        }
    ),
    "ApproverPolicy": frozenset({"lambda:InvokeFunction"}),
    "RunnerPolicy": frozenset({"ecs:RunTask", "ecs:TagResource", "ecs:StopTask", "iam:PassRole"}),
    "DoctorPolicy": frozenset(
        {
            *("iam:GetRole", "iam:SimulatePrincipalPolicy", "secretsmanager:DescribeSecret", "sqs:GetQueueAttributes"),
            *("ecr:DescribeRepositories", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetLifecyclePolicy"),
            *("ssm:DescribeParameters", "logs:DescribeLogGroups", "cloudwatch:DescribeAlarms"),
            *("ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeRouteTables"),
            *("ec2:DescribeVpcEndpoints", "ecs:DescribeClusters", "s3:GetBucketNotification"),
        }
    ),
}
"""The actions of the managed policies in template.yaml, which the parameter PoliciesForPeople makes."""


def explained(error: BaseException) -> CommandError | None:
    """The message and exit code for an error of botocore; None for any other."""
    if isinstance(error, refused.ClientError):
        return _explained_refusal(error)
    return _explained_sdk_error(error) if isinstance(error, refused.BotoCoreError) else None


def is_passing(error: BaseException) -> bool:
    """Whether the same call may succeed in a while: throttled, an error of AWS, or no connection."""
    if isinstance(error, refused.ClientError):
        return bool(_THROTTLED.search(_code(error))) or _status(error) >= _INTERNAL
    return isinstance(error, refused.HTTPClientError | refused.ConnectionError)


def is_refused(error: BaseException) -> bool:
    """Whether AWS has answered that it does not do it; of what is passing that is not certain."""
    return isinstance(error, refused.ClientError) and not is_passing(error)


def is_denied(error: BaseException) -> bool:
    """Whether AWS refuses the call for want of a right."""
    return isinstance(error, refused.ClientError) and _code(error) in _DENIED


def denial(error: refused.ClientError) -> str:
    """The action that is denied, and on what: `iam:GetRole on arn:aws:iam::111122223333:role/shop`."""
    action, resource = _denied(error)
    return f"{action} on {resource}" if resource else action


_NO_CREDENTIALS = (
    refused.PartialCredentialsError,
    refused.CredentialRetrievalError,
    refused.SSOError,
    refused.TokenRetrievalError,
    refused.NoAuthTokenError,
    refused.ConfigParseError,
)


def _explained_sdk_error(error: refused.BotoCoreError) -> CommandError:
    """For an error without an answer of AWS."""
    words = " ".join(str(error).split()).rstrip(".")
    match error:
        case refused.NoRegionError():
            return CommandError(Exit.MISUSED, "no Region is set", "name it with --region, or export AWS_REGION")
        case refused.ProfileNotFound():
            todo = "`aws configure list-profiles` lists them"
            return CommandError(Exit.NOT_ALLOWED, words, todo, error="NoProfile")
        case refused.NoCredentialsError():
            return CommandError(Exit.NOT_ALLOWED, "there are no AWS credentials", _SIGN_IN, error="NoCredentials")
        case _ if isinstance(error, _NO_CREDENTIALS):
            return CommandError(Exit.NOT_ALLOWED, words, _SIGN_IN, error="NoCredentials")
        case refused.HTTPClientError() | refused.ConnectionError():
            local = os.environ.get("AWS_ENDPOINT_URL")
            todo = f"AWS_ENDPOINT_URL is {local}: start what it names (the local AWS: make stage), or unset it"
            todo = todo if local else "check the network, then type it again"
            return CommandError(Exit.FAILED, f"AWS cannot be reached: {words}", todo, error="NoNetwork")
    return CommandError(Exit.FAILED, words, error=type(error).__name__)


def _explained_refusal(error: refused.ClientError) -> CommandError:
    code, message = _code(error), str(error.response.get("Error", {}).get("Message", "")).rstrip(".")
    if code in _EXPIRED:
        return CommandError(Exit.NOT_ALLOWED, f"AWS does not accept the credentials: {message}", _SIGN_IN, error=code)
    if code in _DENIED:
        action, resource = _denied(error)
        return CommandError(
            Exit.NOT_ALLOWED,
            f"you may not {action}{f' on {resource}' if resource else ''}",
            f"ask whoever runs the account: {_policy(action, resource)}",
            error="AccessDenied",
            acts="operator",
        )
    if _THROTTLED.search(code):
        return CommandError(
            Exit.FAILED,
            f"AWS throttles {error.operation_name}: {message}",
            "wait a minute, then type it again",
            error=code,
        )
    if _status(error) >= _INTERNAL:
        words = f"AWS has an error of its own in {error.operation_name} ({code})"
        return CommandError(Exit.FAILED, words, "wait a minute, then type it again", error=code, acts="none")
    missing = _MISSING.search(code)
    return CommandError(
        Exit.NOT_ALLOWED if missing else Exit.FAILED,
        f"{error.operation_name}: {message or code}",
        "`rota check` looks at all that Rota needs" if missing else "",
        error=code,
    )


def _denied(error: refused.ClientError) -> tuple[str, str]:
    """The action and the resource, as AWS says; the operation's name where it does not."""
    said = _WORDS.search(str(error.response.get("Error", {}).get("Message", "")))
    return (said["action"], said["resource"] or "") if said else (error.operation_name, "")


def _policy(action: str, resource: str) -> str:
    """Which of the stack's policies has an action, as AWS or, without its service, botocore names it."""
    if action.endswith("PutObject") and resource and "/proposals/" not in resource:
        return "none of the stack's policies for people uploads a schedule file; a build may"
    for name, actions in POLICIES.items():
        if any(action in (each, each.partition(":")[2]) for each in actions):
            of_groups = " for the log groups of its parameter JobLogGroups" if "GetLogEvents" in action else ""
            return f"the stack's {name} allows it{of_groups}; its parameter PoliciesForPeople makes that"
    return "none of the stack's policies for people allows it"


def _code(error: refused.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: refused.ClientError) -> int:
    response: Any = error.response
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
