"""Gateways that are broken in one thing each, and the cases that must say so, no more and no fewer."""

from __future__ import annotations

from . import endpoints, media, offers, sessions
from .base import BROKEN, TOKEN, Broken, break_media

__all__ = ["BROKEN", "TOKEN", "Broken", "break_media", "endpoints", "media", "offers", "sessions"]
