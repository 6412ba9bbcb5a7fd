"""One message for all that the checks before the first write find, by who has to act."""

from collections.abc import Callable, Iterable
from typing import NoReturn, TypeVar

from rota.errors import ConfigError, RejectedError

Found = TypeVar("Found")


class Problems:
    """Collects what the checks find, by who has to act: the schedule's author or the operator."""

    def __init__(self) -> None:
        self._authors: list[str] = []
        self._operators: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._authors or self._operators)

    def gather(self, check: Callable[[], Found]) -> Found | None:
        """The check's result, or None when it refused; the refusal is kept."""
        try:
            return check()
        except ConfigError as error:
            self._authors.append(str(error))
        except RejectedError as error:
            self._operators.append(str(error))
        return None

    def add_for_author(self, problems: Iterable[str]) -> None:
        self._authors.extend(problems)

    def add_for_operator(self, problems: Iterable[str]) -> None:
        self._operators.extend(problems)

    def raise_all(self) -> NoReturn:
        """One error for all: ConfigError if the schedule's author has anything to do, else RejectedError.

        What a ConfigError has for the operator follows the line `For the operator:`.
        """
        if not self._authors:
            raise RejectedError("\n".join(self._operators))
        for_operator = ["For the operator:", *self._operators] if self._operators else []
        raise ConfigError("\n".join(self._authors + for_operator))
