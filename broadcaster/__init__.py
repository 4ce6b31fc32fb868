"""Broadcaster: text bulletins become approved speech, air on commune loudspeakers, and end in a log with evidence."""

__version__ = "0.1.0"
