"""Distributions to test with, of every family, as they are written."""

from __future__ import annotations

from hypothesis import strategies as st

from loadkit.distributions.grammar import parse_distribution

milliseconds = st.integers(0, 5000)
constants = st.builds("{}ms".format, milliseconds)
normals = st.builds("normal(mean={}ms, sd={}ms)".format, milliseconds, st.integers(0, 2000))
uniforms = st.tuples(milliseconds, milliseconds).map(
    lambda pair: f"uniform(min={min(pair)}ms, max={max(pair)}ms)"
)
lognormals = st.tuples(
    st.integers(1, 3000), st.integers(0, 5000), st.sampled_from(["p75", "p90", "p95", "p99"])
).map(lambda t: f"lognormal(p50={t[0]}ms, {t[2]}={t[0] + t[1]}ms)")
short = st.one_of(
    st.builds("exponential:{}ms".format, milliseconds),
    st.builds("lognormal:{}ms,{}".format, st.integers(1, 3000), st.sampled_from(["0", "0.3", "0.5", "0.8"])),
    st.builds("normal:{}ms,{}ms".format, milliseconds, st.integers(0, 2000)),
)
distributions = st.one_of(constants, normals, uniforms, lognormals, short).map(parse_distribution)
