"""Screens: stock programs that no one here wrote, procedures on them, drifts made for real, and judges of each step."""
