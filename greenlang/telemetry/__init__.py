"""Telemetry: Prometheus series, structured logs and traces of what the factory does.

Belongs here: turning what happened into series, lines and spans, and handing them out. Does not belong here: what
happened (`greenlang.metrics` keeps it), rules and dashboards (deploy/prometheus, deploy/grafana), alerts by e-mail.
"""
