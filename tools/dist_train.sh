#!/usr/bin/env bash
# Train on several GPUs: of this machine, or of several machines with one call on each.
set -euo pipefail
if [ $# -lt 2 ] || ! [[ $2 =~ ^[1-9][0-9]*$ ]]; then
    cat >&2 <<'USAGE'
usage: bash tools/dist_train.sh CONFIG GPUS [options of tools/train.py]

GPUS is the number of processes on this machine. Several machines: run the same command on each, with
NNODES (number of machines), NODE_RANK (0, 1, ...), MASTER_ADDR (address of machine 0) and PORT (29500) set.
USAGE
    exit 2
fi
config=$1 gpus=$2
shift 2
script="$(dirname "$0")/train.py"
python=${PYTHON:-python}
if [ "${NNODES:-1}" -eq 1 ]; then
    exec "$python" "$script" "$config" --gpus "$gpus" "$@"
fi
exec "$python" -m torch.distributed.run --nnodes="$NNODES" --node-rank="${NODE_RANK:?set NODE_RANK}" \
    --master-addr="${MASTER_ADDR:?set MASTER_ADDR}" --master-port="${PORT:-29500}" --nproc-per-node="$gpus" \
    "$script" "$config" "$@"
