"""Whatever is written goes through here: whole or not at all, and never onto an input."""
