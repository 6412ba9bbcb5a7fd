"""The rows, by what they try; `catalogue` has all of them."""
