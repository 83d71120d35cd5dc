"""Lesson 09: from text to batches."""
