"""Lengths of time as distributions, written as text: what an agent thinks, how long a call is talked.

families.py     constant, lognormal, normal, uniform, exponential: draws, quantiles, means
grammar.py      from text to distribution; the type of a setting that is one
"""
