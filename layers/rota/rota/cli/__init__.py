"""The command `rota`. Never in the layer."""
