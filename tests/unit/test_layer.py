"""The layer's Makefile leaves out only what no function uses."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_layer_keeps_the_models_of_services_with_a_client() -> None:
    clients = set(re.findall(r'_client\("(\w+)"', (ROOT / "layers/rota/rota/aws/clients.py").read_text()))
    kept = re.findall(r"^SERVICES = (.*)$", (ROOT / "layers/rota/Makefile").read_text(), re.MULTILINE)
    assert set(kept[0].split()) == clients
