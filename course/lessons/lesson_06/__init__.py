"""Lesson 06: positional encoding."""
