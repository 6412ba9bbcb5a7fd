"""`rota restore --print`."""

from typing import Any

from rota.cli.restore.by_hand import Commands, commands


def rule(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "schedule_expression": "rate(1 day)",
        "event_pattern": None,
        "state": "ENABLED",
        "description": "it's daily",
        "role_arn": None,
        "tags": {"rota:app": "production/shop-api", "aws:stack": "x"},
        "targets": [{"Id": "task", "Arn": "cluster"}],
        **more,
    }


def test_a_rule_that_is_paused_stays_off() -> None:
    snapshot = {
        "rules": {"a": rule("a"), "b": rule("b")},
        "service": {"task_definition": "arn:aws:ecs:eu-west-1:1:task-definition/shop:6"},
    }
    first, targets, second, _, service = commands(snapshot, "production/shop-api", {"b"})
    assert first == (
        """aws events put-rule --cli-input-json '{"Name": "a", "ScheduleExpression": "rate(1 day)", """
        """"State": "ENABLED", "Description": "it'"'"'s daily", """
        """"Tags": [{"Key": "rota:app", "Value": "production/shop-api"}]}'"""
    )
    assert targets.endswith("""'{"Rule": "a", "Targets": [{"Id": "task", "Arn": "cluster"}]}'""")
    assert ('"Name": "b"' in second, '"State": "DISABLED"' in second) == (True, True)
    assert service.endswith('"taskDefinition": "arn:aws:ecs:eu-west-1:1:task-definition/shop:6"}\'')


def test_what_stays_is_said_in_a_comment() -> None:
    assert [*Commands("push-1", ["aws x"], ["prefix__New"]).lines()] == [
        "# What push-1 found. Look at each command before you run it.",
        "aws x",
        "# It may have made the rule prefix__New, which stays.",
    ]
