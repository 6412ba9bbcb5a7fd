"""The only package that makes clients and translates their errors."""
