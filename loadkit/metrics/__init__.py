"""A run as metrics while it goes: what they are, how records become them, and the two ways they leave.

definitions    every metric: name, unit, labels, meaning
run_metrics    records and figures → values of metrics
prometheus     a page for Prometheus to read       (imported only for --prometheus-port)
otlp           sent to an OpenTelemetry collector  (imported only for --otlp-endpoint)
"""
