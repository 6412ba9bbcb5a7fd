"""Text that others wrote, made fit for a person's screen: without control characters, without secrets, cut. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

# SNS: "ASCII text that begins with a letter, number, or punctuation mark; must not include line breaks or control
# characters; and must be less than 100 characters long": https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_LONGEST_SUBJECT = 99
_CUT = "..."
MASK = "***"

# What a terminal takes as colours and titles, then other control characters, and those that turn text around.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_KEYS = "api|access|auth|private|encryption|signing|account|shared"
# AWS says which secret of Secrets Manager it is about, and which right is missing: an ARN and an action are no values.
_WORD = r"(?<!:\d{12}:)secret(?!smanager:\w)"
_SECRET_NAME = rf"(?:passw(?:or)?d|passphrase|pwd|{_WORD}|token|credentials?|authorization|(?:{_KEYS}|_)[_-]?key)"
# What comes after a colon that is no value: two words; of `secrets` the name of a variable.
_SENTENCE = r"\s{1,3}[a-z']{1,30}[ ,.]{1,2}[a-z]"
_VARIABLE = r"(?<=secrets:)\s{1,3}[\"']?(?-i:[A-Z]{1,15}(?:_[A-Z0-9]{1,15}){0,5})[\"']?(?![\w=:])"
# `shop/app-token:3` names an image or a task definition: behind the last part of a name is a version. What looks like a
# commit may be the token itself, as in a header.
_LAST = "token|secret|credential"
_PART = rf"(?-i:(?P<part>[a-z0-9]-(?={_LAST}))|(?!(?<=[a-z0-9]-)(?:{_LAST})))"
_TAG = r"(?:v?\d{1,5}(?:\.\d{1,5}){0,3}|latest)(?![\w/+=@]|[.-]\w)"
_PRIVATE_KEY = r"[A-Z ]{0,30}PRIVATE KEY-----"
# A shorter value is as likely a word of the message.
_SHORTEST_SECRET = 4
# Every repetition has an end, or has one place to begin: a job may log anything, and masking must not take minutes.
_SECRETS = (
    # what issuers write so that it can be found: AWS, GitHub, GitLab, Slack, Stripe, Google, a signed token
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (re.compile(r"\b(?:gh[oprsu]|github_pat|glpat|xox[a-z]|[prsw][kh]_(?:live|test))[_-][\w-]{10,}"), MASK),
    (re.compile(r"\bAIza[\w-]{30,}"), MASK),
    (re.compile(r"\beyJ[\w-]{5,500}\.[\w-]{1,2000}\.[\w-]*"), MASK),
    (re.compile(r"(hooks\.slack\.com/(?:services|workflows)/)[\w/-]+"), rf"\1{MASK}"),
    # a private key; of one that is cut what follows its begin, what is before its end, and lines that are long enough
    (re.compile(rf"-----BEGIN {_PRIVATE_KEY}[\s\S]*?(?:-----END {_PRIVATE_KEY}|\Z)"), MASK),
    (re.compile(rf"\A[\s\S]*-----END {_PRIVATE_KEY}"), MASK),
    (re.compile(r"^[ \t]*[A-Za-z0-9+/]{60,}={0,2}[ \t]*$", re.MULTILINE), MASK),
    # https://user:password@host
    (re.compile(r"(://[^\s:/@]{0,100}:)[^\s/]{1,200}(?=@)"), rf"\1{MASK}"),
    (re.compile(r"\b(bearer|basic)\s{1,3}[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    # PASSWORD=x, "apiKey": "x", token: x
    (
        re.compile(
            rf"({_PART}{_SECRET_NAME}\w{{0,40}}[\"']?\s{{0,3}}"
            rf"(?:=>|:=|=(?!>)|:(?!{_SENTENCE}|{_VARIABLE})(?(part)(?!{_TAG})))\s{{0,3}})(?!{re.escape(MASK)})"
            r"(?:\"[^\"\n]*\"?|'[^'\n]*'?|(?!bearer|basic)[^\s\"',;&)\]}]+)",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
)
_SECRET_OPTION = re.compile(rf"--?[\w-]{{0,100}}{_SECRET_NAME}[\w-]{{0,40}}", re.IGNORECASE)
# Its value may be on the next line, after a backslash.
_OPTION_IN_A_SHELL = re.compile(
    rf"(?<!\S)({_SECRET_OPTION.pattern}(?:[ \t]|\\\n){{1,40}})(?![ \t-]|\\\n)(?:\"[^\"\n]*\"?|'[^'\n]*'?|[^\s;&|)]+)",
    re.IGNORECASE,
)
_NAMES_A_SECRET = re.compile(r"secret|token|key|passw|pwd|credential", re.IGNORECASE)


def is_named_like_a_secret(name: str) -> bool:
    """Whether a variable of that name may hold a secret."""
    return _NAMES_A_SECRET.search(name) is not None


def mask(text: str, known: Iterable[str] = ()) -> str:
    """The text with `***` for what looks like a secret: keys, tokens, passwords in URLs, values beside such names; and
    for each of the `known` values that has four characters or more. Where a private key ends that began before the
    text, all that is before its end is masked.
    """
    for value in sorted((each for each in known if len(each) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(value, MASK)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def masked_words(command: Sequence[str]) -> list[str]:
    """A command's words, each masked alone, because quotes around it would hide where a value ends; one after an option
    such as `--password` is masked whole, also where one word has both, as a shell's command.
    """
    before = ["", *command]
    return [
        MASK if _SECRET_OPTION.fullmatch(option) else _OPTION_IN_A_SHELL.sub(rf"\1{MASK}", mask(word))
        for option, word in zip(before, command, strict=False)
    ]


def clean(text: str) -> str:
    """The text without control characters but tab and line feed, and with a `?` for each half of a character."""
    text = text.encode(errors="replace").decode()
    return _CONTROL.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def shortened(text: str, longest: int) -> str:
    """The text with at most so many characters; one that is cut ends in three dots."""
    return text if len(text) <= longest else text[: max(0, longest - len(_CUT))] + _CUT[:longest]


def one_line(text: str) -> str:
    """The text on one line."""
    return " ".join(clean(text).split())


def subject(title: str) -> str:
    """The title as SNS takes it for a mail's subject: in ASCII, on one line, below 100 characters."""
    ascii_only = unicodedata.normalize("NFKD", one_line(title)).encode("ascii", "ignore").decode()
    return shortened(" ".join(ascii_only.split()), _LONGEST_SUBJECT) or "Rota"
