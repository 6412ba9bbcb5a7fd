"""Access to moto: clients inside the process, and the patches of moto."""
