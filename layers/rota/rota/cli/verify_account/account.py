"""The account in which a run tries things: its clients, the names that the run may make, and the time."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from rota.cli.verify_account.journal import Journal, Place

T = TypeVar("T")
PREFIX = "rota-verify"
"""All names begin with it; the run's id and a purpose follow."""
TAG = "rota:verify"
"""The key of the tag on everything that is made; its value is the run."""
SMALL_IMAGE = "public.ecr.aws/docker/library/busybox:stable"
_LONGEST_PAUSE = 5.0
_NO_ANSWER = re.compile(
    "Denied|Authoriz|Throttl|TooMany|Exceeded|Expired|Token|Signature|Server|Internal|Unavailable|OptIn"
)
"""Errors that say nothing of the call that was refused: the caller may not make it, or too many, or AWS failed.

They are known by a part of their codes, which AWS's services word in ways of their own.
"""


class NothingSeenError(Exception):
    """What a row asks about did not come about, so that it says nothing of AWS; the message says why."""


@dataclass(frozen=True)
class Clock:
    """Where a run takes the time from, and how it waits, in seconds."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], object] = time.sleep


@dataclass(frozen=True)
class Network:
    """Where tasks run. They pull an image, so the subnets need a way to it: public addresses, or NAT."""

    subnets: Sequence[str]
    security_groups: Sequence[str] = ()
    public_address: bool = True


class Account:
    """The caller's account. Whatever is made in it is written to the journal first."""

    def __init__(
        self,
        session: boto3.Session,
        journal: Journal,
        clock: Clock,
        network: Network | None = None,
        image: str = SMALL_IMAGE,
    ) -> None:
        self.journal = journal
        self.image = image
        self.run = journal.run
        self.clock = clock
        self._session = session
        self._network = network
        self._clients: dict[str, Any] = {}
        self._once: dict[Callable[[Account], Any], Any] = {}

    @property
    def network(self) -> Network:
        """Where tasks run. The rows of the group *tasks* are tried only where there is one."""
        if self._network is None:
            raise LookupError("no subnets are given")
        return self._network

    @property
    def has_network(self) -> bool:
        """Whether tasks can run."""
        return self._network is not None

    def client(self, service: str) -> Any:
        """The client of an AWS service, as the caller."""
        if service not in self._clients:
            self._clients[service] = _client(self._session, service)
        return self._clients[service]

    def as_role(self, role: str, service: str) -> Any:
        """A client with the permissions of a role that the caller may assume; a new role takes some seconds."""
        assume = self.client("sts").assume_role
        # The root user may assume none; its error has other words than that of a role too new to be assumed.
        given = self.retry(
            lambda: assume(RoleArn=role, RoleSessionName=PREFIX)["Credentials"],
            ("AccessDenied",),
            seconds=120,
            says="not authorized",
        )
        session = boto3.Session(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=self.journal.place.region
        )
        return _client(session, service)

    def name(self, purpose: str) -> str:
        """The name of something that this run makes."""
        return f"{PREFIX}-{self.run}-{purpose}"

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """The ARN of something in this account."""
        region = self.journal.place.region
        partition = self._session.get_partition_for_region(region)
        return f"arn:{partition}:{service}:{region if regional else ''}:{self.journal.place.account}:{resource}"

    def once(self, do: Callable[["Account"], T]) -> T:
        """What `do` returns; it is done once in a run. What it raised is raised again."""
        if do not in self._once:
            try:
                self._once[do] = do(self)
            except Exception as problem:  # noqa: BLE001 - it is raised below
                self._once[do] = problem
        result: T = self._once[do]
        if isinstance(result, Exception):
            raise result
        return result

    def wait(self, look: Callable[[], T | None], seconds: float, longest_pause: float = _LONGEST_PAUSE) -> T | None:
        """The first true result of `look`, at once and then after pauses that grow; None after so many seconds."""
        end, pause = self.clock.now() + timedelta(seconds=seconds), 0.2
        while not (found := look()):
            if self.clock.now() >= end:
                return None
            self.clock.sleep(pause)
            pause = min(2 * pause, longest_pause)
        return found

    def retry(self, call: Callable[[], T], codes: Sequence[str], seconds: float, says: str = "") -> T:
        """What `call` returns. While it is refused with one of these codes, in words with `says`, it is repeated: AWS
        takes some seconds to know a new role. Raises the last refusal.
        """
        refusals: list[ClientError] = []

        def attempt() -> list[T] | None:
            try:
                return [call()]
            except ClientError as refusal:
                if code_of(refusal) not in codes or says not in words_of(refusal):
                    raise
                refusals.append(refusal)
                return None

        answer = self.wait(attempt, seconds)
        if answer is None:
            raise refusals[-1]
        return answer[0]


def code_of(refusal: ClientError) -> str:
    """AWS's code of an error."""
    return str(refusal.response["Error"]["Code"])


def words_of(refusal: ClientError) -> str:
    """AWS's words for an error."""
    return str(refusal.response["Error"].get("Message", ""))


def tried(call: Callable[[], object], *, by_role: bool = False) -> tuple[str, str]:
    """`accepted`, or the code with which AWS refuses the call; and its words.

    Raises a ClientError that says nothing of what is tried: the caller may not, or AWS throttles or fails. That a role
    may not (`by_role`) is an answer.
    """
    try:
        call()
    except ClientError as refusal:
        code = code_of(refusal)
        if _NO_ANSWER.search(code) and not (by_role and code.startswith("AccessDenied")):
            raise
        return code, words_of(refusal)
    return "accepted", ""


@dataclass(frozen=True)
class Caller:
    """Where and who the caller is, and by how many seconds this machine's clock is ahead of AWS's."""

    place: Place
    arn: str
    clock_ahead: float


def caller(session: boto3.Session, clock: Clock) -> Caller:
    """Who calls, in the session's account and Region. Raises botocore's errors."""
    identity = _client(session, "sts").get_caller_identity()
    date = parsedate_to_datetime(identity["ResponseMetadata"]["HTTPHeaders"]["date"])
    place = Place(identity["Account"], str(session.region_name))
    return Caller(place, identity["Arn"], (clock.now() - date).total_seconds())


def _client(session: boto3.Session, service: str) -> Any:
    config = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5})
    return session.client(service, config=config)  # type: ignore[call-overload] # the service is any
