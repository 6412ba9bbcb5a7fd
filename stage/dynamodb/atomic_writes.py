"""DynamoDB: one call at a time, so that a conditional write is atomic, as on AWS. moto reads an item, judges the
condition and writes without a lock: two writes at once could both succeed, or lose each other's change.
"""

import threading

from moto.dynamodb.responses import DynamoHandler

from stage.moto.patch import replace

_one = threading.RLock()


def install() -> None:
    """Have every call of DynamoDB wait for the one before it."""
    call_action = DynamoHandler.call_action

    def in_turn(self: DynamoHandler) -> object:
        with _one:
            return call_action(self)

    replace(DynamoHandler, "call_action", in_turn)
