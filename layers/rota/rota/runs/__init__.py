"""What became of each run of each job: recorded, judged, and reported to whoever acts."""
