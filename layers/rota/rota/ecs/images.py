"""Which containers run the pushed repository's image. Pure."""

import re

# The endpoints of a registry, https://docs.aws.amazon.com/general/latest/gr/ecr.html: also FIPS and dual-stack ones.
_ENDPOINT = re.compile(r"(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.[a-z.]+/")


def is_of_repository(image: str, image_uri: str) -> bool:
    """Whether a container's image is of the repository of `image_uri`, by any tag, digest or endpoint."""
    return _repository(_name(image)) == _repository(_name(image_uri))


def with_digest_of(image_uri: str, image: str) -> str:
    """`image_uri`, at the endpoint that `image` names if it is of the same repository."""
    return f"{_name(image)}@{image_uri.rpartition('@')[2]}" if is_of_repository(image, image_uri) else image_uri


def is_of_repository_named(image: str, repository: str) -> bool:
    """Whether a container's image is of an ECR repository of that name, in any registry."""
    return repository_of(image) == repository


def repository_of(image: str) -> str | None:
    """The name of the ECR repository that a container's image is of, in any registry; None if it is not from ECR."""
    name, endpoints = _ENDPOINT.subn("", _name(image), count=1)
    return name if endpoints else None


def _name(image: str) -> str:
    """The image without tag and digest."""
    registry, slash, name = image.partition("@")[0].rpartition("/")
    return registry + slash + name.partition(":")[0]


def _repository(name: str) -> str:
    """The image's name with one spelling of its registry."""
    return _ENDPOINT.sub(r"\1/\2/", name, count=1)
