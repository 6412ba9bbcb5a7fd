"""The owner tag, which says which app owns a rule or a revision."""

# Rota never changes or removes a rule without this tag, whatever its name.
OWNER_TAG = "rota:app"
