"""The guestbook with a stack that watches no runs."""
