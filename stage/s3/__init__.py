"""S3: what the stage adds to moto's buckets."""
