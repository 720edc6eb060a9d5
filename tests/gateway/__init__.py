"""Tests of the reference gateway: real sockets, real DTLS, JSON written by hand."""
