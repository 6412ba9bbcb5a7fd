"""The guestbook: the scenario that the demo and the tests run on a stage."""
