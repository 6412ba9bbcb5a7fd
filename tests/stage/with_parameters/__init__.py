"""The guestbook with the parameters that say whom to notify and what to show, and that add rights."""
