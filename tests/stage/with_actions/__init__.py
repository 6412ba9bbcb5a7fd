"""The guestbook with a stack that lets Rota stop and start runs."""
