"""`rota run`: starts a job now, as its schedule would, and ends as it did."""
