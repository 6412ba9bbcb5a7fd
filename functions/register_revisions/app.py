"""RegisterRevisions: one revision per task, then one for the API, all of the pushed digest."""

import time

from rota import aws, plan, revisions, store
from rota.models import RegisterRevisionsInput, RegisterRevisionsOutput
from rota.settings import Settings
from rota.step import writing_step
from rota.task import Task

# Of the function's 15 minutes; what is left is for storing what was done.
_SECONDS_TO_REGISTER = 780


@writing_step
def handler(request: RegisterRevisionsInput, settings: Settings) -> RegisterRevisionsOutput:
    decided = store.read(aws.s3(), settings.bucket, request.plan, plan.Plan)
    # An attempt that was interrupted has registered some already.
    newer = revisions.newer_than(aws.ecs(), settings.family, decided.newest_revision)
    known = revisions.by_fingerprint((revisions.read(aws.ecs(), arn) for arn in newer), settings.app)
    give_up_at = time.monotonic() + _SECONDS_TO_REGISTER
    registered = 0

    def revision(task: Task | None, planned: str | None) -> str:
        nonlocal registered
        if planned is not None:
            return planned
        content = revisions.derive(decided.base, settings, decided.image_uri, task)
        print_ = revisions.fingerprint(content, revisions.own_tags(decided.base))
        if print_ not in known:
            tags = revisions.tags_for(decided.base, settings.app, request.execution.name, print_, task)
            known[print_] = revisions.register(aws.ecs(attempts=1), content, tags, give_up_at)
            registered += 1
        return known[print_]

    tasks = {planned.task.name: revision(planned.task, planned.revision) for planned in decided.tasks}
    done = plan.Registered(tasks=tasks, api=revision(None, decided.api_revision))
    document = store.write(aws.s3(), settings.bucket, request.execution, "revisions", done)
    return RegisterRevisionsOutput(document=document, registered=registered, reused=len(tasks) + 1 - registered)
