"""Publishing a message: to the topic of mails, with what a subscription can filter by, and to the topic of the chat."""

from collections.abc import Mapping

from rota.aws import clients
from rota.notifications.chat import chat_notification
from rota.notifications.message import Message, mail_subject, mail_text


def send_mail(topic: str, message: Message, attributes: Mapping[str, str]) -> None:
    """Publish the mail with these message attributes, by which a subscription's FilterPolicy chooses."""
    clients.sns().publish(
        TopicArn=topic,
        Subject=mail_subject(message),
        Message=mail_text(message),
        MessageAttributes={
            # SNS refuses an attribute without a value
            name: {"DataType": "String", "StringValue": value}
            for name, value in attributes.items()
            if value
        },
    )


def send_chat(topic: str, message: Message) -> None:
    """Publish what Amazon Q Developer shows in Slack or Teams."""
    clients.sns().publish(TopicArn=topic, Message=chat_notification(message))
