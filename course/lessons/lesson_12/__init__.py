"""Lesson 12: the translator."""
