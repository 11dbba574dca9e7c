"""Screening in batch: rows read from files, decided, written in parts, resumable."""
