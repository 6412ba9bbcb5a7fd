"""Replaces attributes of moto's classes: the only way in which the stage changes moto from inside.

What a hook can do (`stage.gateway.calls.Hook`) is done in a hook. The patches are in `stage.stepfunctions`
(executions), `stage.dynamodb` (items), `stage.cloudformation` (stacks and roles), `stage.ecr` (lifecycle policies),
`stage.ecs` (answers with tags, tasks), `stage.lambda_` (queues) and `stage.moto.speed`.
"""


def replace(owner: object, name: str, replacement: object) -> None:
    """Set an attribute of one of moto's classes or modules. Raises AttributeError when moto no longer has it."""
    if not hasattr(owner, name):
        raise AttributeError(f"this moto has no {owner}.{name}; the stage needs moto 5.2")
    setattr(owner, name, replacement)
