"""Behaviour, driven through the highest public interface that shows it."""
