"""How procedures are written as YAML: `nodes` reads it with lines, `targets` and `steps` know its words."""
