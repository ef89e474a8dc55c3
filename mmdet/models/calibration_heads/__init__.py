"""Calibration heads: a frame's features repaired with those of its neighbours."""
