"""Lesson 03: scaled dot-product attention."""
