"""The shell: reads both sides, decides through `mappings`, writes through ports."""
