"""Short names of functions, by which calls, faults and logs show them: `Send` for the template's `SendFunction`."""

from moto.awslambda.models import LambdaFunction, lambda_backends

from stage.moto.clients import ACCOUNT, REGION


class FunctionNames:
    """Derives names from the logical IDs of a template, without the suffix that it gives all its functions."""

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix

    def of(self, function: LambdaFunction) -> str:
        """The short name; a function that no stack created goes by its own name."""
        logical_id: str = getattr(function, "logical_resource_id", "") or function.function_name
        return logical_id.removesuffix(self._suffix)

    def all(self) -> set[str]:
        """The short names of all functions."""
        return {self.of(function) for function in _functions()}

    def find(self, name: str) -> LambdaFunction:
        """The function of that short name, of several the oldest. KeyError when there is none."""
        return {self.of(function): function for function in reversed(_functions())}[name]


def _functions() -> list[LambdaFunction]:
    return list(lambda_backends[ACCOUNT][REGION].list_functions())
