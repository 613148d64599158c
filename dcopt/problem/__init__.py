"""The problem: typed tables, their reading, and every input error. Import what you need from the modules."""
