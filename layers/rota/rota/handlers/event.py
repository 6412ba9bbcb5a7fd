"""The frame of a function that answers events and is no state of the machine."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from rota.contract.shape import Shape
from rota.handlers.frame import Handler, Request, frame
from rota.settings import Settings

Answer = TypeVar("Answer", bound=Shape)


def on_event(log_key: str | None) -> Callable[[Callable[[Request, Settings], Answer]], Handler]:
    """Make a Lambda handler of `work(request, settings) -> answer` for an event whose sender is not the state machine.

    `log_key` names the member of the event by which its log lines are found, as in `id`; None for an event that has
    none, such as a batch of messages. Members that the request's type does not know are ignored: AWS adds some. The
    errors are those of `frame`; the sender tries again.
    """

    def decorate(work: Callable[[Request, Settings], Answer]) -> Handler:
        request_type: type[Shape] = get_type_hints(work)["request"]

        def parse(event: Mapping[str, Any]) -> Shape:
            return request_type.model_validate(event, extra="ignore")

        def keys(event: Mapping[str, Any]) -> Mapping[str, object]:
            return {log_key: event.get(log_key)} if log_key else {}

        return frame(parse, lambda request, settings, _context: work(request, settings), keys)

    return decorate
