"""Operators: NMS, mask pasting, run-length codec, correlation, deformable convolution. They run without a compiler."""
