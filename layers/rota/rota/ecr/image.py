"""The pushed image: whether it can be pulled, and its URI."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from rota.aws.parallel import thread_pool
from rota.contract.deployment import Image
from rota.errors import RejectedError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef


def resolve_image(ecr: "ECRClient", image: Image) -> str:
    """The URI that every revision names, `<registry>/<repository>@sha256:...`.

    RejectedError if the repository or the image does not exist, or the image is archived.
    """
    name = f"{image.repository}@{image.digest}"
    try:
        with thread_pool() as pool:
            describing = pool.submit(
                ecr.describe_images, repositoryName=image.repository, imageIds=[{"imageDigest": image.digest}]
            )
            repository = ecr.describe_repositories(repositoryNames=[image.repository])["repositories"][0]
        described = describing.result()
    except ecr.exceptions.RepositoryNotFoundException:
        raise RejectedError(
            f"there is no ECR repository {image.repository} in this account and Region; create it, or correct the "
            "parameter RepositoryName"
        ) from None
    except ecr.exceptions.ImageNotFoundException:
        raise RejectedError(f"the image {name} is not in ECR; push it again") from None
    # By default ECR describes only images that can be pulled; a push makes an archived one ACTIVE.
    if not described["imageDetails"]:
        raise RejectedError(f"the image {name} is not in ECR, or is archived; push it again")
    status = described["imageDetails"][0].get("imageStatus", "ACTIVE")
    if status != "ACTIVE":
        raise RejectedError(
            f"the image {name} is {status} in ECR, and can be pulled only while it is ACTIVE; push it again, or "
            "restore it in ECR and then start the execution again"
        )
    return f"{repository['repositoryUri']}@{image.digest}"


def describe_image(ecr: "ECRClient", repository: str, digest: str) -> "ImageDetailTypeDef | None":
    """The image as ECR describes it, archived or not; None if it is not there."""
    try:
        details = ecr.describe_images(
            repositoryName=repository, imageIds=[{"imageDigest": digest}], filter={"imageStatus": "ANY"}
        )["imageDetails"]
    except ecr.exceptions.ImageNotFoundException:
        return None
    return details[0] if details else None


def find_newer(ecr: "ECRClient", image: "ImageDetailTypeDef", digests: Collection[str]) -> str | None:
    """One of these digests whose image came into the repository after `image`; None if none did, or is not there."""
    others = (describe_image(ecr, image["repositoryName"], digest) for digest in sorted(digests))
    return next(
        (each["imageDigest"] for each in others if each and each["imagePushedAt"] > image["imagePushedAt"]), None
    )
