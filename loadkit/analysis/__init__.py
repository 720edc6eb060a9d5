"""Folds over the rows of a run: percentiles, calls in progress, fitness of the generator, verdict, summary.

Tables in, plain values out; nothing here reads a file or a clock. Nothing is imported here either: what a Locust
process uses while it runs (``abort_window``) must not bring pandas and scipy with it, which take seconds.
"""
