"""Delivers events to the targets of rules, and undeliverable events to dead-letter queues.

docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html and eb-rule-dlq.html. The permissions of a target's
role are checked; the policies of queues, topics and functions, which need no role, are not.
"""

import json
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from jsonpath_ng.ext.parser import parse as jsonpath
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.ecs.exceptions import InvalidParameterException
from moto.events.models import Rule

from stage import clock
from stage.eventbridge.bus import Event, compact
from stage.eventbridge.retries import After, Tried, queue_url, send_dead_letter, try_again
from stage.eventbridge.transformer import transformed
from stage.iam.ecs import run_task
from stage.iam.evaluation import Permission
from stage.logs import streams
from stage.moto.clients import ACCOUNT, client

Target = dict[str, Any]
RunTask = Callable[[dict[str, Any], str, Callable[[], None]], object]
"""Gets the request, the role's ARN, and a function that raises ServiceException unless the role allows it."""
InvokeFunction = Callable[[str, bytes], object]
"""Gets a function's ARN and the payload; does not wait for the function's end."""
Authorise = Callable[[str, str, Mapping[str, str | None], list[Permission]], None]
"""Checks whether a service may act with a role; see `stage.iam.access.Access.as_service`."""

STARTED_BY = 36
"""The characters that EventBridge and Scheduler give RunTask as `startedBy`; RunTask itself takes 128."""
# The ERROR_CODE of a dead-letter message, by the error of the target's API; others are ERROR_FROM_TARGET.
ERROR_CODES = {
    "ResourceNotFoundException": "NO_RESOURCE",
    "ClusterNotFoundException": "NO_RESOURCE",
    "StateMachineDoesNotExist": "NO_RESOURCE",
    "NotFound": "NO_RESOURCE",
    "AWS.SimpleQueueService.NonExistentQueue": "NO_RESOURCE",
    "InvalidParameterException": "INVALID_PARAMETER",
    "ClientException": "INVALID_PARAMETER",
    "ThrottlingException": "THROTTLING",
    "AccessDeniedException": "NO_PERMISSIONS",
    "INVALID_JSON": "INVALID_JSON",
}


@dataclass(frozen=True)
class Delivery:
    """An event for a target, first tried at `began` in seconds since the epoch, and since then `retries` times."""

    rule: Rule
    target: Target
    event: Event
    began: float
    retries: int = 0


@dataclass(frozen=True)
class Failure:
    """A failed delivery. Once it is final AWS counts it in FailedInvocations, or sends it to the dead-letter queue."""

    rule: str
    target: str
    code: str
    message: str


class Targets:
    """Delivers to the kinds of target that the stage supports. `failures` are the last hundred, the newest last."""

    def __init__(
        self, start_task: RunTask, invoke_function: InvokeFunction, authorise: Authorise, after: After
    ) -> None:
        self.failures: deque[Failure] = deque(maxlen=100)
        self._start_task = start_task
        self._authorise = authorise
        self._after = after
        self._kinds: Mapping[str, Callable[[Rule, Target, Event], object]] = {
            "states": self._start_execution,
            "ecs": self._run_task,
            "sns": lambda rule, target, event: client("sns").publish(
                TopicArn=target["Arn"], Message=_text(rule, target, event)
            ),
            "sqs": self._send_message,
            "logs": self._put_log_event,
            "lambda": lambda rule, target, event: invoke_function(target["Arn"], _text(rule, target, event).encode()),
        }

    def deliver(self, rule: Rule, target: Target, event: Event) -> object:
        """Deliver the event. Returns the target's answer, or the Failure, also where EventBridge will try again."""
        return self._deliver(Delivery(rule, target, event, clock.time()))

    def _deliver(self, delivery: Delivery) -> object:
        kind = delivery.target["Arn"].split(":")[2]
        if kind not in self._kinds:
            return self._fail(delivery, "SDK_CLIENT_ERROR", f"The stage does not deliver to {kind}.")
        try:
            return self._kinds[kind](delivery.rule, delivery.target, delivery.event)
        except ServiceException as refusal:
            return self._fail(delivery, refusal.code, refusal.message)
        except JsonRESTError as refusal:
            return self._fail(delivery, refusal.error_type, str(refusal.message))
        except ClientError as refusal:
            error = refusal.response["Error"]
            return self._fail(delivery, error["Code"], error["Message"])

    def _fail(self, delivery: Delivery, code: str, message: str) -> Failure:
        failure = Failure(delivery.rule.name, delivery.target["Arn"], code, message)
        tried = Tried(delivery.target.get("RetryPolicy", {}), delivery.began, delivery.retries)
        give_up = partial(self._give_up, delivery, failure)
        try_again(tried, code, self._after, partial(self._retry, delivery), give_up)
        return failure

    def _retry(self, delivery: Delivery) -> None:
        self._deliver(replace(delivery, retries=delivery.retries + 1))

    def _give_up(self, delivery: Delivery, failure: Failure, exhausted: str | None) -> None:
        """Count the failure, and send the event to the target's dead-letter queue."""
        self.failures.append(failure)
        queue = delivery.target.get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            return
        attributes = {
            "RULE_ARN": delivery.rule.arn,
            "TARGET_ARN": failure.target,
            "ERROR_CODE": ERROR_CODES.get(failure.code, "ERROR_FROM_TARGET"),
            "ERROR_MESSAGE": failure.message,
            "RETRY_ATTEMPTS": str(delivery.retries),
        }
        with suppress(ClientError):  # a queue that is gone: the event is lost
            send_dead_letter(queue, compact(delivery.event), attributes, exhausted)

    def _may(self, rule: Rule, target: Target, asked: list[Permission]) -> None:
        """Raises moto's ServiceException if the target's role does not allow it."""
        source = {"aws:SourceArn": rule.arn, "aws:SourceAccount": ACCOUNT}
        self._authorise("events.amazonaws.com", target.get("RoleArn", ""), source, asked)

    def _run_task(self, rule: Rule, target: Target, event: Event) -> object:
        request = run_task_request(rule, target, event)
        return self._start_task(request, target.get("RoleArn", ""), lambda: self._may(rule, target, run_task(request)))

    def _start_execution(self, rule: Rule, target: Target, event: Event) -> None:
        """Start an execution. Its name is made of the event's ID, so that an event that comes twice starts one."""
        self._may(rule, target, [Permission("states:StartExecution", target["Arn"])])
        name = f"{event['id']}_{uuid.uuid5(uuid.NAMESPACE_URL, rule.arn + target['Id'])}"
        states = client("stepfunctions")
        try:
            states.start_execution(stateMachineArn=target["Arn"], name=name, input=_text(rule, target, event))
        except states.exceptions.ExecutionAlreadyExists:
            return

    def _send_message(self, rule: Rule, target: Target, event: Event) -> None:
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        fifo = {"MessageGroupId": group} if group else {}
        client("sqs").send_message(QueueUrl=queue_url(target["Arn"]), MessageBody=_text(rule, target, event), **fifo)

    def _put_log_event(self, rule: Rule, target: Target, event: Event) -> None:
        streams.append(
            target["Arn"].split(":log-group:")[1].removesuffix(":*"), str(uuid.uuid4()), _text(rule, target, event)
        )


def run_task_request(rule: Rule, target: Target, event: Event) -> dict[str, Any]:
    """EventBridge's RunTask request for an ECS target; `Input` is ECS's TaskOverride.

    Raises InvalidParameterException when the input is not JSON.
    """
    text = _text(rule, target, event) if target.keys() & {"Input", "InputTransformer"} else None
    return task_request(target, f"events-rule/{rule.name}"[:STARTED_BY], text)


def task_request(target: Target, started_by: str, text: str | None) -> dict[str, Any]:
    """A RunTask request for an ECS target; `text` is ECS's TaskOverride as JSON. Raises InvalidParameterException."""
    parameters = target.get("EcsParameters", {})
    try:
        overrides = None if text is None else json.loads(text)
    except ValueError as fault:
        raise InvalidParameterException(f"The target's input is not JSON: {fault}") from fault
    given = {
        "cluster": target["Arn"],
        "taskDefinition": parameters.get("TaskDefinitionArn"),
        "count": parameters.get("TaskCount", 1),
        "launchType": parameters.get("LaunchType"),
        "platformVersion": parameters.get("PlatformVersion"),
        "group": parameters.get("Group"),
        "capacityProviderStrategy": parameters.get("CapacityProviderStrategy"),
        "networkConfiguration": _network(parameters.get("NetworkConfiguration")),
        "enableECSManagedTags": parameters.get("EnableECSManagedTags"),
        "enableExecuteCommand": parameters.get("EnableExecuteCommand"),
        "propagateTags": parameters.get("PropagateTags"),
        "tags": [{"key": tag["Key"], "value": tag["Value"]} for tag in parameters.get("Tags", [])] or None,
        "overrides": overrides,
        "startedBy": started_by,
    }
    return {member: value for member, value in given.items() if value is not None}


def _network(configuration: dict[str, Any] | None) -> dict[str, Any] | None:
    """awsvpcConfiguration with ECS's lower-case members; EventBridge's begin with capitals."""
    if configuration is None:
        return None
    awsvpc = configuration.get("awsvpcConfiguration") or configuration.get("AwsVpcConfiguration", {})
    return {"awsvpcConfiguration": {member[0].lower() + member[1:]: value for member, value in awsvpc.items()}}


def _text(rule: Rule, target: Target, event: Event) -> str:
    """The target's input: the event, a part of it, a transformation of it, or a constant."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = jsonpath(target["InputPath"]).find(event)
        return compact(found[0].value if found else None)
    if "InputTransformer" in target:
        return transformed(target["InputTransformer"], rule, event)
    return compact(event)
