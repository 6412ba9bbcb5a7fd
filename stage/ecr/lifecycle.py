"""ECR's lifecycle policies: moto keeps and answers them, and knows less of what one may say than ECR does.

docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html. On the stage a policy does nothing.
"""

from moto.ecr import policy_validation as moto

from stage.moto.patch import replace


def install() -> None:
    """Have moto take policies that archive images, or go by when they were pulled or archived."""
    replace(moto, "VALID_ACTION_TYPE_VALUES", {"expire", "transition"})
    replace(moto, "VALID_ACTION_PROPERTIES", {"type", "targetStorageClass"})
    replace(moto, "VALID_SELECTION_PROPERTIES", {*moto.VALID_SELECTION_PROPERTIES, "storageClass"})
    ages = {"sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"}
    replace(moto, "VALID_SELECTION_COUNT_TYPE_VALUES", {"imageCountMoreThan", *ages})
