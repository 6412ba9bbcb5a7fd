"""The cron jobs: every module here with a `run()` is a task that `bin/start NAME` runs."""
