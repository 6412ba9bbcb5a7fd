"""AWS's quotas: how often an account may call each API, and how many rules a bus holds."""
