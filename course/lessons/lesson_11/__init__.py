"""Lesson 11: decoding and scoring."""
