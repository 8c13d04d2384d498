"""New distributions of plugins, made from templates."""
