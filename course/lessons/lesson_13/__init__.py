"""Lesson 13: looking inside."""
