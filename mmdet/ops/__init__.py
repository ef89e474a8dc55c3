"""Operators: NMS, mask pasting, run-length codec and correlation. Everything runs without a compiler."""
