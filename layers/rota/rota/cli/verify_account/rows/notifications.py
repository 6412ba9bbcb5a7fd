"""What SNS takes."""

from rota.cli.verify_account import resources
from rota.cli.verify_account.account import Account, tried
from rota.cli.verify_account.resources import TOPIC
from rota.cli.verify_account.row import Row, Seen, probe

_LONGEST_SUBJECT = 100


@probe(TOPIC, actions=("sns:Publish",))
def long_subject(account: Account) -> tuple[str, str]:
    """Publish to a topic without subscribers, with a subject of a hundred characters."""
    topic = resources.topic(account, "topic")
    publish = account.client("sns").publish
    return tried(lambda: publish(TopicArn=topic, Subject="s" * _LONGEST_SUBJECT, Message="verify"))


ROWS = (
    Row(
        id="sns-subject",
        group="free",
        assumption=f"SNS accepts a subject of exactly {_LONGEST_SUBJECT} characters, which it documents as too long.",
        expected="accepted",
        meaning="Nothing: Rota cuts no subject so close.",
        then="Nothing.",
        probe=long_subject,
        read=lambda answer: Seen(*answer),
    ),
)
