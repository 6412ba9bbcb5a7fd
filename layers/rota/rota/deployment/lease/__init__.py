"""The app's lease: one deployment at a time changes an app, the newest push wins, nothing is written without it."""
