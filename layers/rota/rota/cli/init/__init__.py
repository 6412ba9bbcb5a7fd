"""`rota init`: the first samconfig parameters and schedule file, from a service that runs already."""
