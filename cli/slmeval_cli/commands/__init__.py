"""The commands, one a module: each reads its arguments, asks the others, and writes."""
