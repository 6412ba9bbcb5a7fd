"""The lease, the ledger, the artifacts and the end of a deployment."""
