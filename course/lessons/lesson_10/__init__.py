"""Lesson 10: training."""
