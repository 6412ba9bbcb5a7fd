"""A local AWS: moto's server, plus what moto leaves out. It knows no app; a scenario brings one."""
