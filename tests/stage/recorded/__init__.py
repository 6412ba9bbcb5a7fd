"""What AWS was recorded to answer, asked of the stage: `answers/` has the rows, with the source of each."""
