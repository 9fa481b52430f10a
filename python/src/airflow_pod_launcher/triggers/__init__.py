"""Triggers: what deferred operators leave to the triggerer."""
