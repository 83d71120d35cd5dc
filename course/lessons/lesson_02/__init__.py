"""Lesson 02: attention in a recurrent decoder."""
