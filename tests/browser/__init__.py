"""A JupyterLab and a Chromium of our own, for the tests and benchmarks that need a real page."""
