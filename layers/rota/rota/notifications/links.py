"""Links into AWS's console. Pure."""

from urllib.parse import quote

_CONSOLES = {
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "console.amazonaws-eusc.eu",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def execution_link(arn: str) -> str:
    """An execution of the state machine: its graph, its cause, each step's answer."""
    return f"{_console(arn, 'states')}#/v2/executions/details/{arn}"


def task_link(arn: str) -> str:
    """A task of ECS, `arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID`, as long as ECS remembers it."""
    _, cluster, name = arn.split(":", 5)[5].split("/")
    region = arn.split(":")[3]
    return f"{_host(arn)}/ecs/v2/clusters/{cluster}/tasks/{name}?region={region}"


def log_link(arn: str, group: str, stream: str) -> str:
    """A stream of CloudWatch Logs in the partition and Region of that ARN."""
    return f"{_console(arn, 'cloudwatch')}#logsV2:log-groups/log-group/{_twice(group)}/log-events/{_twice(stream)}"


def _host(arn: str) -> str:
    _, partition, _, region, *_ = arn.split(":")
    return f"https://{region}.{_CONSOLES.get(partition, 'console.aws.amazon.com')}"


def _console(arn: str, service: str) -> str:
    return f"{_host(arn)}/{service}/home?region={arn.split(':')[3]}"


def _twice(name: str) -> str:
    """The console decodes what follows # twice, and takes a $ for a %: a slash is `$252F`."""
    return quote(quote(name, safe=""), safe="").replace("%", "$")
