"""What is said: written Vietnamese turned into the words that a voice will say, place by place."""

from broadcaster.reading.dictionary import Dictionary, Pronunciation
from broadcaster.reading.reader import read
from broadcaster.reading.result import Problem, Reading, Severity, Span

__all__ = ["Dictionary", "Problem", "Pronunciation", "Reading", "Severity", "Span", "read"]
