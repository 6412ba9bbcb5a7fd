"""The account in which a run tries things: its clients, the names that the run may make, and the time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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


class NothingSeenError(Exception):
    """What a row asks about did not come about, so that it says nothing of AWS; the message says why."""


@dataclass(frozen=True)
class Clock:
    """Where a run takes the time from, and how it waits, in seconds."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep


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
        given = self.retry(
            lambda: assume(RoleArn=role, RoleSessionName=PREFIX)["Credentials"], ("AccessDenied",), seconds=120
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

    def wait(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """The first true result of `look`, at once and then after pauses that grow; None after so many seconds."""
        end, pause = self.clock.now() + timedelta(seconds=seconds), 0.2
        while not (found := look()):
            if self.clock.now() >= end:
                return None
            self.clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return found

    def retry(self, call: Callable[[], T], codes: Sequence[str], seconds: float) -> T:
        """What `call` returns. While it is refused with one of these codes it is repeated: AWS takes some seconds to
        know a new role. Raises the last refusal.
        """
        refusals: list[ClientError] = []

        def attempt() -> list[T] | None:
            try:
                return [call()]
            except ClientError as refusal:
                if code_of(refusal) not in codes:
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


def tried(call: Callable[[], object]) -> tuple[str, str]:
    """`accepted`, or the code with which AWS refuses the call; and its words."""
    try:
        call()
    except ClientError as refusal:
        return code_of(refusal), str(refusal.response["Error"].get("Message", ""))
    return "accepted", ""


def caller(session: boto3.Session) -> tuple[Place, str]:
    """The account and Region of the session, and who calls. Raises botocore's errors."""
    identity = _client(session, "sts").get_caller_identity()
    return Place(identity["Account"], str(session.region_name)), identity["Arn"]


def _client(session: boto3.Session, service: str) -> Any:
    config = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5})
    return session.client(service, config=config)  # type: ignore[call-overload] # the service is any
