"""Widgets: what moves on a page. Each is one Python file with its script and its style beside it."""
