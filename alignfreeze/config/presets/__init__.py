"""Sets of options by name, one YAML file each; fields that a preset leaves out have defaults."""
