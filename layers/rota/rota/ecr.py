"""The pushed image: that it is there, and the URI by which every revision names it."""

from typing import TYPE_CHECKING

from rota.errors import RejectedError
from rota.models import Image

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


def uri(ecr: "ECRClient", image: Image) -> str:
    """`<registry>/<repository>@sha256:...`. RejectedError if the repository or the image is not there (any more)."""
    try:
        repository = ecr.describe_repositories(repositoryNames=[image.repository])["repositories"][0]
        ecr.describe_images(repositoryName=image.repository, imageIds=[{"imageDigest": image.digest}])
    except ecr.exceptions.RepositoryNotFoundException:
        raise RejectedError(f"there is no ECR repository {image.repository} in this account and Region") from None
    except ecr.exceptions.ImageNotFoundException:
        raise RejectedError(
            f"the image {image.repository}@{image.digest} is not in ECR (any more); push it again"
        ) from None
    return f"{repository['repositoryUri']}@{image.digest}"
