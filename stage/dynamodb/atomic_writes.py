"""DynamoDB answers one call at a time, so that a conditional write is atomic, as on AWS.

moto reads an item, checks the condition and writes without a lock: of two concurrent writes both could succeed, or one
could overwrite the other's change.
"""

import threading
from functools import cache

from moto.dynamodb.responses import DynamoHandler

from stage.moto.patch import replace

_one = threading.RLock()


@cache
def install() -> None:
    """Serialize all calls of DynamoDB, from the first time on."""
    call_action = DynamoHandler.call_action

    def in_turn(self: DynamoHandler) -> object:
        with _one:
            return call_action(self)

    replace(DynamoHandler, "call_action", in_turn)
