"""What AWS refuses, as a message and an exit code."""

import pytest
from botocore import exceptions as refused

from rota.cli.aws_errors import POLICIES, explained, is_denied, is_passing
from rota.cli.exits import CommandError, Exit
from rota.cli.frame import Account
from rota.cli.output import Output
from tests.cli.conftest import assert_as_in_the_file
from tests.template import TEMPLATE

SAID = (
    "User: arn:aws:iam::111122223333:user/ana is not authorized to perform: states:StartExecution on resource: "
    "arn:aws:states:eu-west-1:111122223333:stateMachine:rota-deploy because no identity-based policy allows it"
)


def of_a_call(code: str, message: str = "-", status: int = 400) -> refused.ClientError:
    return refused.ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "ListRules",
    )


TABLE = {
    "denied": (
        of_a_call("AccessDeniedException", SAID),
        Exit.NOT_ALLOWED,
        "you may not states:StartExecution on arn:aws:states",
    ),
    "denied, by a service that does not say what": (
        of_a_call("AccessDenied"),
        Exit.NOT_ALLOWED,
        "you may not ListRules",
    ),
    "expired": (
        of_a_call("ExpiredToken", "The token has expired"),
        Exit.NOT_ALLOWED,
        "AWS does not accept the credentials",
    ),
    "unknown key": (of_a_call("UnrecognizedClientException"), Exit.NOT_ALLOWED, "AWS does not accept the credentials"),
    "no credentials": (refused.NoCredentialsError(), Exit.NOT_ALLOWED, "there are no AWS credentials"),
    "signed out": (refused.UnauthorizedSSOTokenError(), Exit.NOT_ALLOWED, "The SSO session"),
    "no such profile": (refused.ProfileNotFound(profile="x"), Exit.NOT_ALLOWED, "The config profile (x)"),
    "no Region": (refused.NoRegionError(), Exit.MISUSED, "no Region is set"),
    "throttled": (
        of_a_call("ThrottlingException", "Rate exceeded"),
        Exit.FAILED,
        "AWS throttles ListRules: Rate exceeded",
    ),
    "5xx": (of_a_call("InternalFailure", status=500), Exit.FAILED, "AWS has an error of its own in ListRules"),
    "no network": (refused.EndpointConnectionError(endpoint_url="https://x"), Exit.FAILED, "AWS cannot be reached"),
    "too slow": (refused.ReadTimeoutError(endpoint_url="https://x"), Exit.FAILED, "AWS cannot be reached"),
    "gone": (of_a_call("ResourceNotFoundException", "no table"), Exit.NOT_ALLOWED, "ListRules: no table"),
    "anything else": (of_a_call("ValidationException", "bad"), Exit.FAILED, "ListRules: bad"),
}


@pytest.mark.parametrize(("error", "code", "words"), TABLE.values(), ids=TABLE)
def test_each_refusal_has_a_code_and_words(error: Exception, code: Exit, words: str) -> None:
    problem = explained(error)
    assert problem
    assert problem.code == code
    assert problem.message.startswith(words)


def test_each_refusal_has_a_name_for_programs() -> None:
    named = {name: (problem := explained(error)) and problem.error for name, (error, _, _) in TABLE.items()}
    assert named == {
        "denied": "AccessDenied",
        "denied, by a service that does not say what": "AccessDenied",
        "expired": "ExpiredToken",
        "unknown key": "UnrecognizedClientException",
        "no credentials": "NoCredentials",
        "signed out": "NoCredentials",
        "no such profile": "NoProfile",
        "no Region": "Misused",
        "throttled": "ThrottlingException",
        "5xx": "InternalFailure",
        "no network": "NoNetwork",
        "too slow": "NoNetwork",
        "gone": "ResourceNotFoundException",
        "anything else": "ValidationException",
    }


def test_each_refusal_is_said_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    denied = "not authorized to perform: {} on resource: {}"
    actions = [("s3:PutObject", "arn:aws:s3:::b/jobs.json"), ("s3:PutObject", "arn:aws:s3:::b/proposals/1.json")]
    actions += [("logs:GetLogEvents", "x"), ("lambda:InvokeFunction", "x"), ("ecs:RunTask", "x"), ("a:B", "x")]
    cases = {name: error for name, (error, _, _) in TABLE.items()}
    cases |= {f"{action} {on}": of_a_call("403", denied.format(action, on)) for action, on in actions}
    cases |= {code: of_a_call(code) for code in ("GetObject", "SlowDown", "NoSuchKey", "Forbidden", "AuthFailure")}
    cases |= {"without words": of_a_call("ValidationException", ""), "no answer": refused.ClientError({}, "ListRules")}
    cases |= {"599": of_a_call("X", status=599), "499": of_a_call("X", status=499)}
    cases |= {"of botocore": refused.ParamValidationError(report="  a\n b.")}
    shown = [f"{name}\n{_whole(explained(error))}" for name, error in cases.items()]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
    shown.append(f"of the local AWS\n{_whole(explained(cases['no network']))}")
    assert_as_in_the_file("aws_errors", "\n".join([*shown, ""]))


def _whole(problem: CommandError | None) -> str:
    assert problem
    return f"  {int(problem.code)} {problem.error}, {problem.acts} acts\n  {problem.message}\n  {problem.todo}"


@pytest.mark.parametrize(
    ("action", "policy"),
    [
        ("states:StartExecution", "the stack's DeployerPolicy"),
        ("dynamodb:Query", "the stack's ViewerPolicy"),
        ("s3:GetObjectVersion", "the stack's PlanReaderPolicy"),
        ("iam:GetRole", "the stack's DoctorPolicy"),
        ("ecs:RunTask", "the stack's RunnerPolicy"),
        ("logs:GetLogEvents", "the stack's ViewerPolicy allows it for the log groups of its parameter JobLogGroups"),
        ("ecs:CreateCluster", "none of the stack's policies"),
    ],
)
def test_a_denial_names_the_policy_that_allows_it(action: str, policy: str) -> None:
    problem = explained(of_a_call("AccessDenied", f"User: x is not authorized to perform: {action} on resource: *"))
    assert problem
    assert policy in problem.todo
    assert problem.acts == "operator"


def test_the_policies_are_those_of_the_template() -> None:
    resources = TEMPLATE["Resources"]
    made = {
        name: {
            action
            for each in resource["Properties"]["PolicyDocument"]["Statement"]
            for action in listed(each.get("Fn::If", [None, each])[1]["Action"])
        }
        for name, resource in resources.items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    }
    assert made == POLICIES


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_other_errors_are_bugs() -> None:
    assert explained(ValueError("x")) is None


def test_what_passes_by_itself() -> None:
    passing = {name for name, (error, _, _) in TABLE.items() if is_passing(error)}
    assert passing == {"throttled", "5xx", "no network", "too slow"}
    assert {name for name, (error, _, _) in TABLE.items() if is_denied(error)} == {
        name for name in TABLE if "denied" in name
    }


@pytest.mark.parametrize("name", TABLE)
def test_what_aws_refused_did_not_begin(name: str) -> None:
    error, _, _ = TABLE[name]
    account = Account(Output())
    with pytest.raises(type(error)), account.attempting("A may have been started."):
        raise error
    answered = isinstance(error, refused.ClientError) and not is_passing(error)
    assert account.interrupted == ("" if answered else "A may have been started.")


def test_what_began_is_said_after_ctrl_c() -> None:
    account = Account(Output())
    with account.attempting("A may have been started."):
        pass
    assert account.interrupted == "A may have been started."
