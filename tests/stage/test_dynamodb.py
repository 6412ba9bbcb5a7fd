"""DynamoDB on the stage: conditional writes are atomic, which the lease needs."""

from concurrent.futures import ThreadPoolExecutor

from examples.guestbook.client import Client
from tests.stage.held import lease

AT_ONCE = 8
WRITES = 10 * AT_ONCE


def test_concurrent_writes_of_one_item_lose_no_update(stage: Client) -> None:
    dynamodb = stage.client("dynamodb")
    item = lease(stage)
    dynamodb.update_item(
        **item, UpdateExpression="SET at_work = :nobody", ExpressionAttributeValues={":nobody": {"M": {}}}
    )

    def enter(number: int) -> None:
        dynamodb.update_item(
            **item,
            UpdateExpression="SET at_work.#name = :now",
            ExpressionAttributeNames={"#name": f"invocation-{number}"},
            ExpressionAttributeValues={":now": {"N": "1"}},
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(enter, range(WRITES)))

    assert len(dynamodb.get_item(**item)["Item"]["at_work"]["M"]) == WRITES
