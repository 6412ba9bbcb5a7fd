"""RollService: updates the service to the API's revision."""

from rota import aws, service, store
from rota.models import Registered, RollServiceInput, RollServiceOutput
from rota.settings import Settings
from rota.step import writing_step


@writing_step
def handler(request: RollServiceInput, settings: Settings) -> RollServiceOutput:
    revisions = store.read(aws.s3(), settings.bucket, request.revisions, Registered)
    return service.roll(aws.ecs(), settings, revisions.api)
