"""The images: that the live one can be pulled, for which processor it is, and which ECR will soon delete."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rota.cli.check.facts import Facts
from rota.cli.check.model import Finding
from rota.ecr.image import describe_image
from rota.ecr.lifecycle import fates, parse_policy

_INDEXES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_PLATFORMS = {"amd64": "X86_64", "arm64": "ARM64"}


def live_image(facts: Facts) -> Iterator[Finding]:
    live, repository = facts.status.release, facts.stack.repository
    ecr = facts.client("ecr")
    try:
        ecr.describe_repositories(repositoryNames=[repository])
    except ecr.exceptions.RepositoryNotFoundException:
        yield Finding("image", "fail", f"there is no repository {repository}: create it, or correct RepositoryName")
        return
    if live is None:
        return
    found = describe_image(ecr, repository, live.digest)
    status = (found or {}).get("imageStatus", "ACTIVE") if found else "gone"
    if status == "ACTIVE":
        yield Finding("image", "ok", f"the live one, {_named(facts, live.digest)}, is in {repository}")
    else:
        words = f"the live one, {live.digest}, is {status} in {repository}: no task can start; push it again"
        yield Finding("image", "fail", words)


def architecture(facts: Facts) -> Iterator[Finding]:
    """Of an image index the manifest says it; of a single image only its configuration, which is another download."""
    live = facts.status.release
    if live is None or facts.definition is None:
        return
    runs = facts.definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")
    answer = facts.client("ecr").batch_get_image(
        repositoryName=facts.stack.repository,
        imageIds=[{"imageDigest": live.digest}],
        acceptedMediaTypes=[
            *_INDEXES,
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.oci.image.manifest.v1+json",
        ],
    )
    manifest = json.loads(answer["images"][0]["imageManifest"]) if answer.get("images") else {}
    built = platforms(manifest)
    if not built:
        words = f"a single image does not say which processor it is for; the family runs {runs}"
        yield Finding("image architecture", "unknown", words, "none")
    elif runs in built:
        yield Finding("image architecture", "ok", f"is for {', '.join(sorted(built))}; the family runs {runs}")
    else:
        wanted = next(docker for docker, ecs in _PLATFORMS.items() if ecs == runs)
        words = f"is for {', '.join(sorted(built))} only; the family runs {runs}: build --platform linux/{wanted}"
        yield Finding("image architecture", "fail", words, "author")


def platforms(manifest: Mapping[str, Any]) -> set[str]:
    """The processors that an index has an image for, as ECS names them; none for a single image. Pure."""
    named = (each.get("platform", {}).get("architecture", "") for each in manifest.get("manifests", ()))
    return {_PLATFORMS[each] for each in named if each in _PLATFORMS}


def in_danger(facts: Facts) -> Iterator[Finding]:
    """What the repository's lifecycle policy will soon do to the images of releases."""
    if not facts.digests:
        return
    ecr, repository, now = facts.client("ecr"), facts.stack.repository, facts.account.now()
    try:
        rules = parse_policy(ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"])
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        yield Finding("images in danger", "ok", f"{repository} has no lifecycle policy: images stay")
        return
    pages = ecr.get_paginator("describe_images").paginate(repositoryName=repository, filter={"imageStatus": "ANY"})
    images = [image for page in pages for image in page["imageDetails"]]
    soon = [fate for fate in fates(rules, images, facts.digests) if fate.is_soon(now)]
    for fate in soon:
        words = f"{facts.digests[fate.digest]}: {fate.rule.words}, {fate.when(now)}. {fate.rule.remedy}"
        yield Finding("images in danger", "fail", words)
    if not soon:
        yield Finding("images in danger", "ok", f"the lifecycle policy keeps those of {len(facts.digests)} releases")


def _named(facts: Facts, digest: str) -> str:
    return facts.digests.get(digest, digest[:19])
