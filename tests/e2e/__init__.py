"""The real ``locust`` command against the real gateway, and what it leaves behind."""
