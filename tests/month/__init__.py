"""A month of an app's runs in minutes: the real handlers, and an account that fails in every way that AWS documents."""
