#!/usr/bin/env bash
# Train on a Slurm cluster: one task per GPU.
set -euo pipefail
if [ $# -lt 4 ]; then
    cat >&2 <<'USAGE'
usage: [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=4] [SRUN_ARGS='...'] \
       bash tools/slurm_train.sh PARTITION JOB CONFIG WORK_DIR [options of tools/train.py]

The job saves and ends with exit code 75 on SIGTERM or SIGUSR1; with SRUN_ARGS='--signal=USR1@120' Slurm sends that two
minutes before the time limit. Add --resume to go on from WORK_DIR, or to begin where there is nothing yet.
USAGE
    exit 2
fi
partition=$1 job=$2 config=$3 work_dir=$4
shift 4
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
export MASTER_PORT=${MASTER_PORT:-$((20000 + RANDOM % 20000))}
# The first machine of the allocation is known only inside it.
# shellcheck disable=SC2086  # SRUN_ARGS holds several words
exec srun -p "$partition" --job-name="$job" --gres=gpu:"$per_node" --ntasks="$gpus" --ntasks-per-node="$per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-4}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    bash -c 'export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1); exec "$@"' _ \
    "${PYTHON:-python}" -u "$(dirname "$0")/train.py" "$config" --work-dir "$work_dir" --launcher slurm "$@"
