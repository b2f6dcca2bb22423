"""What speaks for one element being the target of a step: names, roles, where it is, what is around it. Pure."""
