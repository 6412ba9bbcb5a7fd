"""The guestbook of the Pier Hotel: an API and its cron jobs, in one image."""
