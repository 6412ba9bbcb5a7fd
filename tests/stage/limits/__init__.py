"""AWS's limits and refusals, one row each. `test_limits.py` asks the stage for each; docs/stage.md lists them."""

from tests.stage.limits import ecs, eventbridge, model, others, task_definitions
from tests.stage.limits.limit import REFERENCE

ALL = [*model.limits(), *eventbridge.limits(), *task_definitions.limits(), *ecs.limits(), *others.limits()]
# Limits that one request cannot show: the rule, AWS's answer, its source, the test that shows it.
ELSEWHERE = [
    (
        "Invoke: a payload has at most 6 MB",
        "`RequestTooLargeException`",
        f"{REFERENCE}/lambda/latest/dg/gettingstarted-limits.html",
        "tests/stage/test_payloads.py::test_a_payload_of_more_than_6_mb_is_refused",
    ),
    (
        "Invoke: an answer has at most 6 MB",
        "`Function.ResponseSizeTooLarge`",
        f"{REFERENCE}/lambda/latest/dg/gettingstarted-limits.html",
        "tests/stage/test_payloads.py::test_an_answer_of_more_than_6_mb_is_an_error",
    ),
    (
        "a state's input and output have at most 256 KiB",
        "`States.DataLimitExceeded`",
        f"{REFERENCE}/step-functions/latest/dg/service-quotas.html",
        "tests/stage/test_step_functions.py::test_a_state_passes_on_at_most_256_kib",
    ),
    (
        "an execution's history has at most 25,000 events",
        "`States.Runtime`, which no Catch sees",
        f"{REFERENCE}/step-functions/latest/dg/service-quotas.html",
        "tests/stage/test_step_functions.py::test_an_execution_that_does_not_end_fails_at_25_000_events",
    ),
    (
        "PutImage: an immutable tag does not move",
        "`ImageTagAlreadyExistsException`",
        f"{REFERENCE}/AmazonECR/latest/userguide/image-tag-mutability.html",
        "tests/stage/test_pushes.py::test_an_immutable_tag_does_not_move",
    ),
    (
        "PutImage: the same image by the same tag is refused",
        "`ImageAlreadyExistsException`",
        f"{REFERENCE}/AmazonECR/latest/APIReference/API_PutImage.html",
        "tests/stage/test_pushes.py::test_the_same_push_again_is_refused_without_an_event",
    ),
]
