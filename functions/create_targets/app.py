"""CreateTargets: creates or updates the rule and the one target of each task whose schedule changes."""

from rota.aws import clients
from rota.aws.parallel import in_parallel, thread_pool
from rota.contract import CreateTargetsInput, CreateTargetsOutput
from rota.deployment import artifacts
from rota.handlers.step import writing_step
from rota.plan.model import Plan
from rota.schedules import backend
from rota.settings import Settings


@writing_step
def handler(request: CreateTargetsInput, settings: Settings) -> CreateTargetsOutput:
    s3, schedules = clients.s3(), backend.connect(settings)
    with thread_pool() as pool:
        planning = pool.submit(artifacts.read, s3, settings.bucket, request.plan.document, Plan)
        revisions = artifacts.read_registered(s3, settings.bucket, request.revisions)
    changes = planning.result().of_kind("create", "update")
    in_parallel(lambda change: schedules.apply(change, revisions), changes)
    return CreateTargetsOutput(written=len(changes))
