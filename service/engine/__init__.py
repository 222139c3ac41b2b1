"""The loop: intake, read, compare, apply, remember; and the jobs that ask the same comparison other questions."""
