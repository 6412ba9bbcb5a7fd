"""`rota verify-account`: tries in an account what no document says of AWS, and Rota assumes."""
