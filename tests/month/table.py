"""DynamoDB for the items of runs, in memory: what RecordRun and Sweep ask most often costs microseconds."""

import bisect
import re
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

Values = dict[str, Any]
"""An item's attributes with DynamoDB's types, or what an expression's names stand for."""
Answer = tuple[int, dict[str, Any]]
"""An HTTP status, and what botocore would have parsed."""

REFUSED = "ConditionalCheckFailedException"
_LAST = "\uffff"


class Table:
    """One partition. It knows the expressions that `rota.runs.table` writes, and refuses others."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._items: dict[str, Values] = {}
        self._keys: list[str] = []
        self._lock = threading.Lock()

    def items(self, prefix: str) -> list[Values]:
        """Those whose sort key begins so, in its order."""
        return self._between(prefix, prefix + _LAST)

    def answer(self, operation: str, request: Mapping[str, Any]) -> Answer | None:
        """The answer to a call; None if it is about another partition."""
        first = request["TransactItems"][0]["Put"] if operation == "TransactWriteItems" else request
        if "runs#" not in str(first.get("Key") or first.get("Item") or first.get("ExpressionAttributeValues")):
            return None
        with self._lock:
            self.calls[operation] += 1
            match operation:
                case "GetItem":
                    found = self._items.get(request["Key"]["record"]["S"])
                    return 200, {"Item": found} if found else {}
                case "Query":
                    return 200, {"Items": self._query(request)}
                case "PutItem":
                    return self._write([{"Put": request}])
                case "UpdateItem":
                    return self._write([{"Update": request}])
                case "TransactWriteItems":
                    return self._write(request["TransactItems"], together=True)
        raise NotImplementedError(operation)

    def _query(self, request: Mapping[str, Any]) -> list[Values]:
        given = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        return self._between(given[":from"], given.get(":to", given[":from"] + _LAST))

    def _between(self, first: str, last: str) -> list[Values]:
        start, end = bisect.bisect_left(self._keys, first), bisect.bisect_right(self._keys, last)
        return [self._items[key] for key in self._keys[start:end]]

    def _write(self, writes: list[dict[str, Any]], *, together: bool = False) -> Answer:
        held = [self._holds(request) for write in writes for request in write.values()]
        if not all(held):
            code = "TransactionCanceledException" if together else REFUSED
            reasons = [{"Code": "None" if each else "ConditionalCheckFailed"} for each in held]
            return 400, {"Error": {"Code": code, "Message": "refused"}, "CancellationReasons": reasons}
        for write in writes:
            for kind, request in write.items():
                item = dict(request["Item"]) if kind == "Put" else self._updated(request)
                key = item["record"]["S"]
                if key not in self._items:
                    bisect.insort(self._keys, key)
                self._items[key] = item
        return 200, {}

    def _seen(self, request: Mapping[str, Any]) -> Values:
        return self._items.get((request.get("Key") or request["Item"])["record"]["S"], {})

    def _holds(self, request: Mapping[str, Any]) -> bool:
        condition = request.get("ConditionExpression", "")
        either = [each.split(" AND ") for each in condition.split(" OR ")] if condition else [[]]
        return any(all(_term(term, self._seen(request), request) for term in terms) for terms in either)

    def _updated(self, request: Mapping[str, Any]) -> Values:
        item = {**self._seen(request), **request["Key"]}
        sets, _, removes = request["UpdateExpression"].partition("REMOVE ")
        for each in sets.removeprefix("SET ").split(", "):
            if each.strip():
                name, value = each.strip().split(" = ")
                item[_name(name, request)] = request["ExpressionAttributeValues"][value]
        for each in removes.split(", "):
            item.pop(_name(each.strip(), request), None)
        return item


def _name(name: str, request: Mapping[str, Any]) -> str:
    return str(request.get("ExpressionAttributeNames", {}).get(name, name))


def _term(term: str, item: Values, request: Mapping[str, Any]) -> bool:
    """Whether one comparison of a condition holds."""
    if found := re.fullmatch(r"attribute_(not_)?exists\((.+)\)", term):
        return (_name(found[2], request) in item) is not bool(found[1])
    name, operator, value = term.split(" ")
    wanted, seen = request["ExpressionAttributeValues"][value], item.get(_name(name, request))
    if operator == "=":
        return bool(seen == wanted)
    if operator == "<":
        return seen is not None and float(seen["N"]) < float(wanted["N"])
    raise NotImplementedError(term)
