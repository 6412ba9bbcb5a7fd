"""CloudTrail's event history: who asked ECS to run a task, and what ECS answered.

docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html: management events of 90 days, the newest
first, without a trail. Of all management events the stage keeps those of RunTask.
"""

import json
import uuid
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.exceptions import ServiceException

from stage import clock
from stage.gateway.calls import Call, Reply
from stage.moto.clients import ACCOUNT, REGION

LATE = timedelta(minutes=5)
"""How much later an event is shown; docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html says
that CloudTrail delivers "within an average of about 5 minutes of an API call"."""
KEPT = timedelta(days=90)
# docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
ERROR_CODES = {"AccessDeniedException": "AccessDenied"}
EVENTBRIDGE = "events.amazonaws.com"


class History:
    """A hook that answers LookupEvents and keeps each RunTask. EventBridge's RunTask is no call of the gateway:
    `ran_task` keeps it.
    """

    def __init__(self) -> None:
        self._events: deque[dict[str, Any]] = deque(maxlen=10_000)

    def before(self, call: Call) -> Reply | None:
        if call.key != ("cloudtrail", "LookupEvents"):
            return None
        asked, now = call.params, clock.now()
        begin, end = _time(asked, "StartTime", now - KEPT), _time(asked, "EndTime", now)
        if begin > end:
            return Reply.refusal(call, "InvalidTimeRangeException", "StartTime must be before EndTime.")
        shown = [
            each
            for each in reversed(self._events)
            if begin <= each["EventTime"] <= end
            and now - KEPT <= each["EventTime"] <= now - LATE
            and all(each.get(wanted["AttributeKey"]) == wanted["AttributeValue"] for wanted in _wanted(asked))
        ]
        return Reply.result(call, {"Events": shown})

    def after(self, call: Call, reply: Reply) -> None:
        """Keep a RunTask, also one that was refused."""
        if call.key == ("ecs", "RunTask"):
            identity = {"type": "IAMUser", "accountId": ACCOUNT, "userName": call.caller or "user"}
            if reply.ok:
                self._keep(identity, call.params, reply.data)
            else:
                message = str(reply.data.get("message") or reply.data.get("Message"))
                self._keep(identity, call.params, None, reply.error, message)

    def ran_task(self, request: dict[str, Any], role: str, answer: dict[str, Any] | ServiceException) -> None:
        """EventBridge has asked for a task, with a role of the account."""
        identity = {
            "type": "AssumedRole",
            "arn": f"{role.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/{uuid.uuid4().hex}",
            "accountId": ACCOUNT,
            "invokedBy": EVENTBRIDGE,
        }
        if isinstance(answer, ServiceException):
            self._keep(identity, request, None, answer.code, answer.message)
        else:
            self._keep(identity, request, answer)

    def clear(self) -> None:
        """Forget everything."""
        self._events.clear()

    def _keep(
        self,
        identity: dict[str, Any],
        request: dict[str, Any],
        answer: dict[str, Any] | None,
        code: str | None = None,
        message: str | None = None,
    ) -> None:
        now, by = clock.now(), identity.get("invokedBy", "client.amazonaws.com")
        event = {
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventTime": clock.text(now),
            "eventSource": "ecs.amazonaws.com",
            "eventName": "RunTask",
            "awsRegion": REGION,
            "sourceIPAddress": by,
            "userAgent": by,
            **({"errorCode": ERROR_CODES.get(code, code), "errorMessage": message} if code else {}),
            "requestParameters": request,
            "responseElements": answer,
            "requestID": str(uuid.uuid4()),
            "eventID": str(uuid.uuid4()),
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        }
        self._events.append(
            {
                "EventId": event["eventID"],
                "EventName": "RunTask",
                "ReadOnly": "false",
                "EventTime": now,
                "EventSource": "ecs.amazonaws.com",
                "Username": str(identity.get("userName") or identity["arn"].rpartition("/")[2]),
                "Resources": [],
                "CloudTrailEvent": json.dumps(event, default=str),
            }
        )


def _time(asked: dict[str, Any], member: str, default: datetime) -> datetime:
    return datetime.fromtimestamp(float(asked[member]), UTC) if member in asked else default


def _wanted(asked: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = asked.get("LookupAttributes", [])
    return found
