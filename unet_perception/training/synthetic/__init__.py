"""Scenes drawn by the computer, whose masks are exact."""
