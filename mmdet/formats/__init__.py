"""Files that several rooms read: JSON, YouTube-VIS results, MOTChallenge and MOTS text, stored detections.

Readers here give plain arrays in the units of the file and know nothing of models, data sets or metrics.
"""
