"""Messages to people: what a mail and a chat show, within their limits, escaped, and without secrets."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.contract.deployment import Execution, Image, Kind, Origin, Outcome, Stored
from rota.deployment.ledger import Entry
from rota.deployment.outcome_message import outcome_message
from rota.notifications import chat
from rota.notifications.chat import chat_notification
from rota.notifications.links import execution_link, log_link, task_link
from rota.notifications.message import Message, mail_subject, mail_text
from rota.sanitise import clean, is_named_like_a_secret, mask, masked_words, shortened, subject
from tests.guestbook import ACCOUNT, APP, DIGEST, REGION

ARN = "arn:aws:states:us-east-1:123456789012:execution:rota-deploy:b81d07e"
EXECUTION = Execution(id=ARN, name="b81d07e", started_at=datetime(2026, 11, 29, 6, tzinfo=UTC))
MESSAGE = Message(title="A title", lead="A sentence.", thread="a thread", kind="Rota Run")


def parsed(message: Message) -> dict[str, Any]:
    """The chat's notification, parsed."""
    notification: dict[str, Any] = json.loads(chat_notification(message))
    return notification


# ---------------------------------------------------------------------- secrets

KEY = "AKIA" + "Q7" * 8
TOKEN = "ghp_" + "a1" * 18
JWT = "eyJhbGciOi.eyJzdWIiOi.SflKxwRJ"
STRIPE = "sk_live_" + "x4" * 12
GOOGLE = "AIza" + "Sy0-_" * 7


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        pytest.param(f"using {KEY} for S3", "using *** for S3", id="an access key's id"),
        pytest.param(f"git clone with {TOKEN}", "git clone with ***", id="a token of GitHub"),
        pytest.param(f"cookie {JWT}; path=/", "cookie ***; path=/", id="a signed token"),
        pytest.param(f"charge by {STRIPE}.", "charge by ***.", id="a key of Stripe"),
        pytest.param(f"maps with {GOOGLE}!", "maps with ***!", id="a key of Google"),
        pytest.param("Basic dXNlcjpwYXNz", "Basic ***", id="a user with a password"),
        pytest.param(
            "POST https://hooks.slack.com/services/T0/B0/abc",
            "POST https://hooks.slack.com/services/***",
            id="a webhook",
        ),
        pytest.param("postgres://shop:hunter2@db/shop", "postgres://shop:***@db/shop", id="a password in a URL"),
        pytest.param("redis://:p@ss@cache:6379", "redis://:***@cache:6379", id="a password with @ in a URL"),
        pytest.param("Authorization: Bearer abc.def-123", "Authorization: Bearer ***", id="a bearer"),
        pytest.param("DB_PASSWORD=hunter2 retrying", "DB_PASSWORD=*** retrying", id="a variable"),
        pytest.param('{"apiKey": "x y", "n": 1}', '{"apiKey": ***, "n": 1}', id="a member of JSON"),
        pytest.param("{'client_secret': 'abc'}", "{'client_secret': ***}", id="a member of a dict"),
        pytest.param("AWS_SECRET_ACCESS_KEY=abc/def+ghi", "AWS_SECRET_ACCESS_KEY=***", id="a secret access key"),
        pytest.param("signing_key => abc", "signing_key => ***", id="an arrow"),
        pytest.param("password: swordfish", "password: ***", id="a word at the end"),
        pytest.param("secrets: DB_URL=abc", "secrets: ***", id="a variable of several"),
        pytest.param("secrets: hunter2", "secrets: ***", id="a word of several"),
        pytest.param("password: DB_URL", "password: ***", id="a word in capitals"),
        pytest.param("x-auth-token:123456", "x-auth-token:***", id="a number of six digits"),
        pytest.param("db-password:12345", "db-password:***", id="a password that is a number"),
        pytest.param("X-Auth-Token:abc1234", "X-Auth-Token:***", id="a header"),
        pytest.param("x-auth-token:abc1234", "x-auth-token:***", id="a header of HTTP/2"),
        pytest.param("x-auth-token:1234567", "x-auth-token:***", id="a header that is a number"),
        pytest.param("--app-token:1.2/x", "--app-token:***", id="what only begins as a version"),
        pytest.param("app-token: 3", "app-token: ***", id="a number after a space"),
        pytest.param(
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nok",
            "***\nok",
            id="a private key",
        ),
        pytest.param("-----BEGIN PRIVATE KEY-----\nMIIE\nabc", "***", id="a private key that is cut"),
        pytest.param(
            "-----BEGIN EC PRIVATE KEY-----\nMIIE\n-----\nabc", "***", id="a private key that is cut, and a rule"
        ),
        pytest.param("MIIE\nabc\n-----END PRIVATE KEY-----\nok", "***\nok", id="the end of a private key"),
        pytest.param(
            "abc\n-----END PRIVATE KEY-----\nok\n-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\nwell",
            "***\nok\n***\nwell",
            id="the end of a private key, and another",
        ),
        pytest.param(f"one\n{'Ab+/' * 16}\n {'Ab+/' * 15}==", "one\n***\n***", id="the middle of a private key"),
    ],
)
def test_a_secret_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: 'customer'",
        "tasks[0].secrets.API_TOKEN: write an ARN",
        "The token has expired",
        "https://example.com/reports?page=2",
        f"shop@{DIGEST}",
        "primary key: 5",
        "ResourceInitializationError: unable to pull secrets or registry auth: the task cannot find the secret",
        "not authorized to perform: secretsmanager:DescribeSecret on resource: "
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:guestbook/db_password-a1B2c3 because",
        "registry/app-token:3",
        "deployed shop/api-token:12.",
        "app-secret:v1.12.0, reset-token:latest",
        "task-definition/guestbook-credentials:17 is INACTIVE",
        "secrets: DB_URL",
        "tasks[0].secrets: DB_URL, TOKEN have no value",
        """tasks[0].secrets: "TOKEN" is also in environment""",
        "12 tokens left",
        "turkey=roasted",
        "-----END CERTIFICATE-----",
        f"layer {'a1' * 32}",
        "=" * 80,
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["./bin/start", "migrate"], ["./bin/start", "migrate"]),
        (["sh", "-c", "PGPASSWORD='a b' ./migrate"], ["sh", "-c", "PGPASSWORD=*** ./migrate"]),
        (["migrate", "--db-password", "hunter2", "-v"], ["migrate", "--db-password", "***", "-v"]),
        (["migrate", "--password=hunter2", "--token"], ["migrate", "--password=***", "--token"]),
        (["sh", "-c", "migrate --db-password hunter2 -v"], ["sh", "-c", "migrate --db-password *** -v"]),
        (["sh", "-c", "migrate --token 'a b'  --x"], ["sh", "-c", "migrate --token ***  --x"]),
        (["sh", "-c", "migrate --token --x"], ["sh", "-c", "migrate --token --x"]),
        (["sh", "-c", "migrate --token     abc"], ["sh", "-c", "migrate --token     ***"]),
        (["sh", "-c", "migrate --token \\\n  abc \\\n  -v"], ["sh", "-c", "migrate --token \\\n  *** \\\n  -v"]),
        (["sh", "-c", "migrate --token \\\n  --x"], ["sh", "-c", "migrate --token \\\n  --x"]),
    ],
)
def test_the_words_of_a_command_are_masked(command: list[str], shown: list[str]) -> None:
    assert masked_words(command) == shown


def test_known_values_are_masked_the_longest_first() -> None:
    assert mask("abcd-efgh and abcd, but abc", ["abcd", "abcd-efgh", "abc"]) == "*** and ***, but abc"
    assert mask("abcdef", ["bcde", "abcdef"]) == "***", "whatever its letters"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in ("CLIENT_SECRET", "DB_PASSWORD", "DB_PWD", "apiKey", "GITHUB_TOKEN", "CREDENTIALS")),
        ("LOG_LEVEL", False),
    ],
)
def test_which_variables_hold_a_secret(name: str, is_one: bool) -> None:
    assert is_named_like_a_secret(name) == is_one


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("\x1b[31mred\x1b[0m", "red", id="a terminal's colours"),
        pytest.param("\x1b]0;title\x07text", "text", id="a terminal's title"),
        pytest.param("\x1b]0;title\x1b\\text", "text", id="a title that ends otherwise"),
        pytest.param("a\r\nb\rc", "a\nb\nc", id="line ends"),
        pytest.param("nul\x00, bell\x07, \u202eturned", "nul, bell, turned", id="control characters"),
        pytest.param("half \ud83d of one", "half ? of one", id="half a character"),
        pytest.param("tab\there", "tab\there", id="a tab stays"),
    ],
)
def test_control_characters_are_taken_out(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("longest", "shown"), [(7, "abcdef"), (6, "abcdef"), (5, "ab..."), (3, "..."), (2, ".."), (0, "")]
)
def test_what_is_cut_says_so(longest: int, shown: str) -> None:
    assert shortened("abcdef", longest) == shown


# ---------------------------------------------------------------------- mail


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        pytest.param("production/shop: SendMail failed", "production/shop: SendMail failed", id="as it is"),
        pytest.param("Caf\u00e9 \u2014 \u00fcber\u00adall", "Cafe uberall", id="letters with accents"),
        pytest.param("two\nlines", "two lines", id="on one line"),
        pytest.param("x" * 120, "x" * 96 + "...", id="cut"),
        pytest.param("\u65e5\u672c", "Rota", id="nothing of it is ASCII"),
    ],
)
def test_a_subject(title: str, shown: str) -> None:
    assert subject(title) == shown


@given(st.text(max_size=300))
def test_sns_takes_every_subject(title: str) -> None:
    assert re.fullmatch(r"[!-~]([ -~]{0,97}[!-~])?", subject(title))


def test_a_mail_is_plain_lines() -> None:
    message = MESSAGE.model_copy(
        update={
            "facts": (("Exit code", "1"),),
            "log": ("one", f"token={TOKEN}"),
            "next_steps": ("Look\nat it.",),
            "links": (("Log", "https://x"),),
        }
    )
    assert mail_text(message) == (
        "A sentence.\n\nExit code: 1\n\nThe last lines of its log:\n  one\n  token=***\n\n"
        "What to do:\n- Look at it.\n\nLog: https://x\n"
    )


# ---------------------------------------------------------------------- chat


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a <b> & c", "a &lt;b&gt; &amp; c", id="signs"),
        pytest.param("<!channel> <@U123>", "&lt;!channel&gt; &lt;@U123&gt;", id="mentions"),
        pytest.param("@here and @Channel", "@\u200bhere and @\u200bChannel", id="everyone"),
        pytest.param("[ok](http://bad)", "[ok] (http://bad)", id="a link with another name"),
        pytest.param("say `ls`", "say 'ls'", id="code"),
        pytest.param("*bold* ~gone~", "*\u200bbold* ~\u200bgone~", id="bold and struck out"),
        pytest.param("production__shop__SendMail", "production__shop__SendMail", id="a name can be copied"),
        pytest.param("cron(0 6 * * ? *)", "cron(0 6 * * ? *)", id="a schedule can be copied"),
    ],
)
def test_text_means_nothing_to_the_chat(text: str, shown: str) -> None:
    content = parsed(MESSAGE.model_copy(update={"lead": text, "next_steps": (text,)}))["content"]
    assert content["description"] == shown
    assert content["nextSteps"] == [shown]


def test_a_log_is_code_of_which_the_last_lines_count() -> None:
    lines = (*(f"line {number} " + "x" * 100 for number in range(100)), "``` <end> &")
    description = parsed(MESSAGE.model_copy(update={"log": lines}))["content"]["description"]
    before, log, after = description.split("```")
    assert (before, after) == ("A sentence.\n\n", "")
    assert log.endswith("\n''' &lt;end&gt; &amp;\n")
    assert "line 99 " in log
    assert "line 1 " not in log


def test_a_cut_leaves_no_half_of_an_escaped_sign() -> None:
    for length in range(chat.LONGEST_STEP - 10, chat.LONGEST_STEP + 2):
        (step,) = parsed(MESSAGE.model_copy(update={"next_steps": ("x" * length + "&&&",)}))["content"]["nextSteps"]
        assert len(step) <= chat.LONGEST_STEP
        assert re.fullmatch(r"x+(&amp;)*(\.\.\.)?", step)


@pytest.mark.parametrize(
    ("good", "sign"), [(True, "\u2705 "), (False, "\u274c "), (None, "")], ids=["good", "bad", "neither"]
)
def test_all_that_a_chat_is_sent(good: bool | None, sign: str) -> None:
    message = Message(
        title="A\ntitle",
        lead=f"A sentence, token={TOKEN}.",
        facts=(("Exit code", "1"), ("AWS says", "a\nb")),
        log=("one", "two `x`"),
        next_steps=tuple(f"step\n{number}" for number in range(6)),
        links=(("Log", "https://x/*y*"), ("Task", "https://z")),
        thread="t" * 251,
        kind="Rota Run",
        keywords=("shop\napi", "k" * 251),
        good=good,
    )
    assert parsed(message) == {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": f"{sign}A title",
            "description": "A sentence, token=***.\n\nExit code: 1\nAWS says: a b\n\n```\none\ntwo 'x'\n```\n\n"
            "Log: https://x/*y*\nTask: https://z",
            "nextSteps": [f"step {number}" for number in range(5)],
            "keywords": ["shop api", "k" * 247 + "..."],
        },
        "metadata": {"threadId": "t" * 247 + "...", "summary": "A title", "eventType": "Rota Run"},
    }


def test_a_chat_is_sent_as_much_as_it_shows() -> None:
    dots = "x." * 5_000
    long = MESSAGE.model_copy(
        update={"title": dots[:400], "lead": dots[:9_000], "next_steps": (dots[:400],), "log": ("one",), "good": True}
    )
    content = parsed(long)["content"]
    assert content["title"] == f"\u2705 {dots[:245]}..."
    assert content["nextSteps"] == [f"{dots[:347]}..."]
    assert content["description"] == f"{dots[:7_995]}...", "no room is left for the log"
    linked = parsed(long.model_copy(update={"links": (("Log", "https://x"),)}))["content"]["description"]
    assert linked == f"{dots[: 7_995 - 14]}...\n\nLog: https://x"
    too_long = long.model_copy(update={"lead": "a", "links": (("Log", "x" * 4_000),)})
    assert parsed(too_long)["content"]["description"] == "a\n\n```\none\n```"
    assert parsed(MESSAGE.model_copy(update={"lead": ""}))["content"]["description"] == "-"


def test_a_line_of_a_log_is_cut() -> None:
    message = MESSAGE.model_copy(update={"log": ("x." * 300, "y." * 249 + "y   ")})
    assert mail_text(message) == (f"A sentence.\n\nThe last lines of its log:\n  {'x.' * 250}\n  {'y.' * 249}y\n")


any_text = st.text(max_size=60) | st.text(alphabet="&<>`*_~@[]()\\\n\x1b \ud800x", max_size=60)
long_text = st.builds(lambda text, times: text * times, any_text, st.sampled_from([1, 1, 50, 1000]))
pairs = st.lists(st.tuples(any_text, any_text), max_size=4).map(tuple)
texts = st.lists(long_text, max_size=12).map(tuple)
messages = st.builds(
    Message,
    title=long_text,
    lead=long_text,
    facts=pairs,
    log=texts,
    next_steps=texts,
    links=st.lists(st.tuples(st.just("Log"), st.just("https://example.com/x")), max_size=2).map(tuple),
    thread=long_text,
    kind=st.just("Rota Run"),
    keywords=texts,
    good=st.sampled_from([True, False, None]),
)


@given(messages)
def test_every_notification_is_json_within_the_limits(message: Message) -> None:
    text = chat_notification(message)
    assert text.isascii()
    notification = json.loads(text)
    assert (notification["version"], notification["source"]) == ("1.0", "custom")
    content = notification["content"]
    assert content["textType"] == "client-markdown"
    assert len(content["title"]) <= chat.LONGEST_TITLE
    assert 1 <= len(content["description"]) <= chat.LONGEST_DESCRIPTION
    assert all(len(step) <= chat.LONGEST_STEP for step in content.get("nextSteps", ()))
    shown = [content["title"], content["description"], *content.get("nextSteps", ())]
    assert not any(re.search(r"[<>]|&(?!amp;|lt;|gt;)", each) for each in shown)
    assert content["description"].count("```") in (0, 2)


secrets = st.sampled_from([KEY, TOKEN, JWT, STRIPE])
beside = st.text(alphabet=" \n.,:;'\"()=[]{}&<>", max_size=5)


@given(secrets, beside, beside, st.sampled_from(["title", "lead", "facts", "log", "next_steps"]))
def test_no_form_shows_a_secret(secret: str, before: str, after: str, where: str) -> None:
    text = f"word{before or ' '}{secret}{after or ' '}word" if before[:1] != "&" else f" {secret} "
    value: Any = {"facts": (("name", text),), "log": (text,), "next_steps": (text,)}.get(where, text)
    message = MESSAGE.model_copy(update={where: value})
    assert secret not in chat_notification(message)
    assert secret not in mail_text(message)
    assert secret not in mail_subject(message)


# ---------------------------------------------------------------------- links


def test_links_into_the_console() -> None:
    task = "arn:aws:ecs:eu-west-1:123456789012:task/production/0f1e"
    assert execution_link(ARN) == (
        f"https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/{ARN}"
    )
    assert task_link(task) == (
        "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/production/tasks/0f1e?region=eu-west-1"
    )
    assert log_link(task, "/ecs/shop", "app/app/0f1e") == (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
        "#logsV2:log-groups/log-group/$252Fecs$252Fshop/log-events/app$252Fapp$252F0f1e"
    )


@pytest.mark.parametrize(
    ("partition", "region", "console"),
    [
        ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/ecs/"),
        ("aws-us-gov", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/ecs/"),
        ("aws-eusc", "eusc-de-east-1", "https://eusc-de-east-1.console.amazonaws-eusc.eu/ecs/"),
    ],
)
def test_another_partition_has_a_console_of_its_own(partition: str, region: str, console: str) -> None:
    assert task_link(f"arn:{partition}:ecs:{region}:123456789012:task/production/0f1e").startswith(console)


# ---------------------------------------------------------------------- the outcome of a deployment

IMAGE = Image(repository="guestbook", digest=DIGEST, tag="b81d07e")
SCHEDULE = Stored(key="scheduled_tasks.json", version_id="1")


def asked(outcome: str, kind: str | None) -> dict[str, Any]:
    """What a person asked for without an image."""
    return {"outcome": outcome, "image": None, "origin": {"kind": kind, "by": "ann"}}


@pytest.mark.parametrize(
    ("entry", "title", "good"),
    [
        pytest.param({"outcome": "deployed", "release": 41}, "v41 is live (b81d07e)", True, id="a release"),
        pytest.param({"outcome": "deployed"}, "deployed (b81d07e)", True, id="deployed without a number"),
        pytest.param({"outcome": "failed"}, "the deployment failed (b81d07e)", False, id="failed"),
        pytest.param(
            {"outcome": "failed", "image": IMAGE.model_copy(update={"tag": None})},
            "the deployment failed (1f1f1f1f1f1f)",
            False,
            id="without a tag",
        ),
        pytest.param({"outcome": "failed", "image": None}, "the deployment failed", False, id="without an image"),
        pytest.param(asked("refused", "rollback"), "the rollback was refused", False, id="a rollback"),
        pytest.param(asked("refused", "pause"), "the request was refused", False, id="a pause"),
        pytest.param(asked("refused", None), "the request was refused", False, id="of no kind"),
        pytest.param(asked("failed", "resume"), "the request failed", False, id="a resume"),
        pytest.param(asked("failed", "schedule"), "the deployment failed", False, id="a schedule"),
        pytest.param({"outcome": "overtaken"}, "overtaken by a newer push (b81d07e)", None, id="overtaken"),
    ],
)
def test_a_deployments_title(entry: dict[str, Any], title: str, good: bool | None) -> None:
    ended = Entry(**({"image": IMAGE, "schedule": SCHEDULE, "summary": "1 new"} | entry))
    message = outcome_message(APP, EXECUTION, ended, 61.4)
    assert (message.title, message.good) == (f"{APP}: {title}", good)


@pytest.mark.parametrize(
    ("outcome", "said", "good"),
    [
        ("deployed", "deployed", True),
        ("nothing to do", "nothing to do", None),
        ("failed", "the deployment failed", False),
        ("aborted", "the deployment was aborted", None),
        ("refused", "the request was refused", False),
        ("overtaken", "overtaken by a newer push", None),
        ("held", "held", None),
        ("barred", "not deployed, because it was rolled back from", None),
        ("rejected", "not approved", None),
        ("done", "the summary", None),
    ],
)
def test_the_title_of_each_outcome(outcome: str, said: str, good: bool | None) -> None:
    """As ledger and event spell it."""
    entry = Entry(outcome=Outcome(outcome), image=None, schedule=None, summary="the summary")
    message = outcome_message(APP, EXECUTION, entry, 61.4)
    assert (message.title, message.good, message.lead) == (f"{APP}: {said}", good, "the summary")


def test_a_failed_deployment_in_the_chat() -> None:
    entry = Entry(
        outcome=Outcome.FAILED, image=IMAGE, schedule=None, summary="", cause="ReadConfig: no file.\nDo this."
    )
    assert parsed(outcome_message(APP, EXECUTION, entry, 61.4)) == {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": f"\u274c {APP}: the deployment failed (b81d07e)",
            "description": f"ReadConfig: no file.\nDo this.\n\nImage: b81d07e {DIGEST}\nTook: 61 s\n\n"
            f"Execution: {execution_link(ARN)}",
            "keywords": [APP, "failed"],
        },
        "metadata": {
            "threadId": ARN,
            "summary": f"{APP}: the deployment failed (b81d07e)",
            "eventType": "Rota Deployment",
        },
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"outcome": Outcome.DONE, "origin": Origin(kind=Kind.PAUSE, by="ann", reason="the sale")},
            {
                "title": f"{APP}: 1 new",
                "lead": "1 new",
                "facts": (("Started", "pause by ann: the sale"), ("Took", "60 s")),
                "keywords": (APP, "done"),
            },
        ),
        (
            {
                "outcome": Outcome.DEPLOYED,
                "release": 4,
                "image": IMAGE.model_copy(update={"tag": None}),
                "cause": "why",
            },
            {
                "title": f"{APP}: v4 is live (1f1f1f1f1f1f)",
                "lead": "why",
                "facts": (("Image", DIGEST), ("Took", "60 s")),
                "keywords": (APP, "deployed"),
                "good": True,
            },
        ),
    ],
    ids=["a request", "a release"],
)
def test_the_whole_message_of_an_end(given: dict[str, Any], expected: dict[str, Any]) -> None:
    entry = Entry(**{"image": None, "schedule": None, "summary": "1 new"} | given)
    known: dict[str, Any] = {
        "links": (("Execution", execution_link(ARN)),),
        "thread": ARN,
        "kind": "Rota Deployment",
    }
    assert outcome_message(APP, EXECUTION, entry, 59.6) == Message(**known | expected)
