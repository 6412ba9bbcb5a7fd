"""Publishing a message: to the topic of mails, with what a subscription can filter by, and to the topic of the chat."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rota.aws import clients
from rota.aws.errors import AWS_ERRORS
from rota.log import logger
from rota.notifications.chat import chat_notification
from rota.notifications.message import Message, mail_subject, mail_text

if TYPE_CHECKING:
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef


def send_mail(topic: str, message: Message, attributes: Mapping[str, Sequence[str]]) -> None:
    """Publish the mail with these message attributes, by which a subscription's FilterPolicy chooses. One with several
    values is chosen by any of them.
    """
    clients.sns().publish(
        TopicArn=topic,
        Subject=mail_subject(message),
        Message=mail_text(message),
        MessageAttributes={name: _attribute(values) for name, values in attributes.items()},
    )


def _attribute(values: Sequence[str]) -> "MessageAttributeValueTypeDef":
    if len(values) == 1:
        return {"DataType": "String", "StringValue": values[0]}
    return {"DataType": "String.Array", "StringValue": json.dumps(values)}


def send_chat(topic: str, message: Message) -> None:
    """Publish what Amazon Q Developer shows in Slack or Teams, unless the topic is empty. Nothing waits for a chat: an
    error of SNS is logged, and the mail has said the same.
    """
    if topic:
        try:
            clients.sns().publish(TopicArn=topic, Message=chat_notification(message))
        except AWS_ERRORS:
            logger.exception("the chat was not notified; see the parameter ChatTopicArn")
