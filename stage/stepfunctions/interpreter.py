"""Patches moto's interpreter of state machines (LocalStack's) where it differs from Step Functions."""

import threading
import time
import uuid
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import cast

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto.core.config import default_user_config
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions import models as state_machines
from moto.stepfunctions.parser import api
from moto.stepfunctions.parser import utils as interpreter
from moto.stepfunctions.parser.api import (
    ExecutionFailedEventDetails,
    HistoryEventType,
    LambdaFunctionFailedEventDetails,
)
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_lambda import StateTaskLambda
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends
from moto.stepfunctions.responses import StepFunctionResponse

from stage import clock
from stage.gateway.calls import STEP_FUNCTIONS
from stage.moto.clients import REGION
from stage.moto.patch import replace
from stage.settings import Settings

MOST_EVENTS = 25_000


def install(settings: Settings, endpoint: str) -> None:
    """Have moto run state machines, with scaled waits and with the functions behind the gateway at `endpoint`."""
    _deploy_into_the_interpreter()
    _name_refusals()
    _scale_waits(settings)
    _invoke_through(endpoint)
    _name_lambda_errors()
    _name_executions()
    _reverse_histories()
    _forget_threads()
    _keep_timeouts()
    _end_at_the_quota_of_events()
    _parse_once()


def active() -> bool:
    """Whether any execution runs, or was stopped while its last state has not ended yet."""
    return any(thread.is_alive() for thread in list(interpreter.TMP_THREADS))


def _deploy_into_the_interpreter() -> None:
    """moto has two stores: state machines that run and those that do not. CloudFormation's go to the second."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    replace(state_machines, "stepfunctions_backends", stepfunctions_parser_backends)


def _name_refusals() -> None:
    """moto's refusals of definitions and updates have their codes where its server does not look."""
    for each in list(vars(api).values()):
        if isinstance(each, type) and issubclass(each, AWSError) and isinstance(vars(each).get("code"), str):
            each.TYPE = vars(each)["code"]


def _scale_waits(settings: Settings) -> None:
    """Wait states and Retry intervals last `time_scale` times as long as in the definition; timeouts do not change.

    The definition stays as it is deployed. moto's own Wait cannot wait for parts of a second.
    """

    def wait(_self: WaitFunction, env: Environment, wait_seconds: float) -> None:
        end = clock.monotonic() + wait_seconds * settings.time_scale
        while env.is_running() and (left := end - clock.monotonic()) > 0:
            env.program_state_event.wait(min(left, 0.2))  # the clock may be moved meanwhile

    replace(WaitFunction, "_wait_interval", wait)
    retry_clock = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * settings.time_scale))
    replace(retrier_decl, "time", retry_clock)


def _invoke_through(endpoint: str) -> None:
    """Step Functions invokes with the role of the state machine.

    moto creates a new client for each Task, of "localhost"; one client for each role saves a tenth of a second.
    """
    timeout = 3600  # longer than any function's own timeout
    config = Config(retries={"total_max_attempts": 1}, read_timeout=timeout, max_pool_connections=100)

    @cache
    def client_of(role: str) -> BaseClient:
        return boto3.client(
            "lambda",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=f"{STEP_FUNCTIONS}:{role}",
            aws_secret_access_key=STEP_FUNCTIONS,
            config=config,
        )

    def client_for(*, state_credentials: StateCredentials, **_: str) -> BaseClient:
        return client_of(state_credentials.role_arn.rpartition("/")[2])

    replace(lambda_eval_utils, "boto_client_for", client_for)


def _name_lambda_errors() -> None:
    """If Lambda refuses an invocation, Step Functions' error name is `Lambda.<code>`; moto's is `Exception`.

    docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
    """
    from_error = StateTaskLambda._from_error

    def named(self: StateTaskLambda, env: Environment, ex: Exception) -> FailureEvent:
        if isinstance(ex, ClientError):
            error, cause = f"Lambda.{ex.response['Error']['Code']}", _cause(ex)
        elif isinstance(ex, BotoCoreError):
            error, cause = "Lambda.SdkClientException", str(ex)
        else:
            return from_error(self, env, ex)
        details = LambdaFunctionFailedEventDetails(error=error, cause=cause)
        return FailureEvent(
            env=env,
            error_name=CustomErrorName(error),
            event_type=HistoryEventType.LambdaFunctionFailed,
            event_details=cast(EventDetails, {"lambdaFunctionFailedEventDetails": details}),
        )

    replace(StateTaskLambda, "_from_error", named)


def _cause(refusal: ClientError) -> str:
    """Lambda's refusal as Step Functions quotes it."""
    error, metadata = refusal.response["Error"], refusal.response["ResponseMetadata"]
    return (
        f"{error['Message']} (Service: AWSLambda; Status Code: {metadata['HTTPStatusCode']}; Error Code: "
        f"{error['Code']}; Request ID: {metadata.get('RequestId')}; Proxy: null)"
    )


def _name_executions() -> None:
    """An execution that is started without a name gets one (docs.aws.amazon.com/step-functions/latest/
    apireference/API_StartExecution.html); moto names them all `None`.
    """
    start = StepFunctionsParserBackend.start_execution

    def start_named(
        self: StepFunctionsParserBackend, state_machine_arn: str, name: str | None, execution_input: str
    ) -> Execution:
        return start(self, state_machine_arn, name or str(uuid.uuid4()), execution_input)

    replace(StepFunctionsParserBackend, "start_execution", start_named)


def _reverse_histories() -> None:
    """GetExecutionHistory has `reverseOrder`, for the newest events first, which moto ignores."""
    get = StepFunctionResponse.get_execution_history

    def get_in_order(self: StepFunctionResponse) -> ActionResult:
        answer = get(self)
        events = cast(dict[str, list[object]], answer.result)["events"]
        return ActionResult({"events": events[::-1]}) if self._get_param("reverseOrder") else answer

    replace(StepFunctionResponse, "get_execution_history", get_in_order)


def _forget_threads() -> None:
    """The interpreter keeps every thread that it ever started, and with it the execution: drop those that ended."""
    start = Execution.start
    lock = threading.Lock()

    def start_and_forget(self: Execution) -> None:
        with lock:
            interpreter.TMP_THREADS[:] = [thread for thread in interpreter.TMP_THREADS if thread.is_alive()]
        start(self)

    replace(Execution, "start", start_and_forget)


def _keep_timeouts() -> None:
    """An execution that is stopped just when a step begins still writes the step's timeout into its history.

    moto evaluates nothing after an execution is stopped; the timeout it would write makes the history unreadable.
    """
    replace(TimeoutSeconds, "eval", TimeoutSeconds._eval_body)


def _end_at_the_quota_of_events() -> None:
    """An execution fails at 25,000 events, which no Catch catches
    (docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html). In moto an endless loop never fails.
    """
    carry_out = CommonStateField._eval_body
    cause = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
    failed = ExecutionFailedEventDetails(error="States.Runtime", cause=cause)

    def carry_out_below_the_quota(self: CommonStateField, env: Environment) -> None:
        if env.event_manager._event_id_gen._next_id < MOST_EVENTS:
            carry_out(self, env)
        else:
            env.set_error(failed)

    replace(CommonStateField, "_eval_body", carry_out_below_the_quota)


def _parse_once() -> None:
    """Cache parsed definitions and paths: moto parses a definition for each execution, which takes a third of a second.

    A parsed definition holds no state of an execution except the key of its part of the execution's heap. moto creates
    that key at the first use, which two executions may reach at the same time; here it is fixed.
    """
    replace(AmazonStateLanguageParser, "parse", staticmethod(lru_cache(maxsize=64)(AmazonStateLanguageParser.parse)))
    replace(EvalComponent, "heap_key", property(lambda self: str(id(self))))
    for module in (json_path, result_path):
        replace(module, "parse", lru_cache(maxsize=1024)(module.parse))
