#!/usr/bin/env bash
# Builds the optional C++ and CUDA kernels in place. Options: --cpu-only, --verbose.
# Variables: PYTHON (interpreter that has torch), CXX, CUDA_HOME, MMDET_CUDA_ARCHS (such as "80 90").
set -euo pipefail
cd "$(dirname "$0")"
if [ -z "${PYTHON:-}" ]; then
    PYTHON=python
    [ -x .venv/bin/python ] && [ -z "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ] && PYTHON=.venv/bin/python
fi
exec "$PYTHON" mmdet/ops/csrc/build.py "$@"
