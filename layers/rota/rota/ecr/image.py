"""The pushed image: that it can be pulled, and the URI by which every revision names it."""

from typing import TYPE_CHECKING

from rota.contract import Image
from rota.errors import RejectedError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


def resolve_image(ecr: "ECRClient", image: Image) -> str:
    """`<registry>/<repository>@sha256:...`. RejectedError if the repository or the image is not there (any more), or
    the image is archived.
    """
    name = f"{image.repository}@{image.digest}"
    try:
        repository = ecr.describe_repositories(repositoryNames=[image.repository])["repositories"][0]
        found = ecr.describe_images(repositoryName=image.repository, imageIds=[{"imageDigest": image.digest}])
    except ecr.exceptions.RepositoryNotFoundException:
        raise RejectedError(f"there is no ECR repository {image.repository} in this account and Region") from None
    except ecr.exceptions.ImageNotFoundException:
        raise RejectedError(f"the image {name} is not in ECR (any more); push it again") from None
    # Unless it is asked for others, ECR describes those that can be pulled; a push brings an archived one back.
    if not found["imageDetails"]:
        raise RejectedError(f"the image {name} is not in ECR (any more), or archived; push it again")
    status = found["imageDetails"][0].get("imageStatus", "ACTIVE")
    if status != "ACTIVE":
        raise RejectedError(
            f"the image {name} is {status} in ECR, and cannot be pulled until it is ACTIVE; push it again, or have ECR "
            "restore it and start the execution again then"
        )
    return f"{repository['repositoryUri']}@{image.digest}"
