"""`rota restore`: stops a deployment, or restores one that has ended badly, and watches that."""
