"""Lesson 01: before attention, the recurrent encoder-decoder."""
