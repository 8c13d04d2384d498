"""Where data comes from: folders, the hub, the demo."""
