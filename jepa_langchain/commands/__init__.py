"""The command line: one module a group of commands, and what people see in the terminal."""
