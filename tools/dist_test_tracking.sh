#!/usr/bin/env bash
# Test on several GPUs of this machine.
set -euo pipefail
if [ $# -lt 3 ] || ! [[ $2 =~ ^[1-9][0-9]*$ ]]; then
    cat >&2 <<'USAGE'
usage: bash tools/dist_test_tracking.sh CONFIG GPUS --checkpoint CHECKPOINT [options of tools/test_video.py]

GPUS is the number of processes. What is asked for by other options: --eval segm, --out FILE, --show-dir DIR, ...
USAGE
    exit 2
fi
config=$1 gpus=$2
shift 2
exec "${PYTHON:-python}" "$(dirname "$0")/test_video.py" "$config" --gpus "$gpus" "$@"
