"""A local AWS that Rota deploys to: moto's server, plus the parts of AWS that moto leaves out."""
