"""The one way in which the stage changes moto from inside.

What can be said in a hook (`stage.door.calls.Hook`) is said there. What no request passes is changed in six modules,
with the reason for each change: `stage.interpreter` and `stage.executions` for Step Functions, `stage.dynamodb` for
items, `stage.stack.cloudformation` for stacks, `stage.iam.roles` for the roles of stacks, and `stage.direct` for speed.
"""


def replace(owner: object, name: str, replacement: object) -> None:
    """Set an attribute of one of moto's classes or modules. Raises AttributeError when moto no longer has it."""
    if not hasattr(owner, name):
        raise AttributeError(f"this moto has no {owner}.{name}; the stage was made for moto 5.2")
    setattr(owner, name, replacement)
