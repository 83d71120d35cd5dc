"""Lesson 00, welcome: the translators that ship, and the names of the axes."""
