"""Alerts: what an operator must hear of without looking, by webhook and by mail.

    send(settings, Alert(...))       keeps it, and delivers it on every channel that the settings name
    deliver(settings)                tries again what could not be delivered

Belongs here: what an alert says, its channels, keeping it until it is delivered. Does not belong here: noticing that
something is wrong (``sensors``, ``greenlang.nightly``), Prometheus rules (``deploy/prometheus``).
"""

from greenlang.alerts.alert import Alert
from greenlang.alerts.channels import Channel, channels, try_out
from greenlang.alerts.outbox import Delivery, deliver, send

__all__ = ["Alert", "Channel", "Delivery", "channels", "deliver", "send", "try_out"]
