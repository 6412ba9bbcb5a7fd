"""The guestbook with the parameters that say whom to tell and what to show, and that add rights."""
