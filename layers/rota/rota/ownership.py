"""Which app owns a rule or a revision: the owner tag."""

# Says whose a rule is; a rule without it is never changed or removed, whatever its name.
OWNER_TAG = "rota:app"
