"""What became of each run of each job: recorded, judged, and told to whoever acts."""
