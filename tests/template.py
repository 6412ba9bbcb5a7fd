"""The template as it is written, parsed once for all tests of a worker."""

from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tests.examples import ROOT

TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
