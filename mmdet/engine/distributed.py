"""The processes of one run: who this one is, and the few things that all of them must agree on.

Two kinds of traffic are kept apart. Gradients go over NCCL or gloo inside DistributedDataParallel. Decisions (stop,
save, an error) and numbers for the log go over a gloo group of their own, on the CPU, so they never wait for the
device. Everything that is not a number travels as JSON text, never as a pickle.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from mmdet.errors import ConfigError, MMDetError

STORE_VARIABLE = 'MMDET_STORE'  # host:port of the store that our launcher holds
STEP_TIMEOUT = 600  # seconds; config: env_cfg=dict(timeout=...)
LONG_TIMEOUT = 24 * 3600  # for the end of a test, where ranks with short videos wait for the others

T = TypeVar('T')


@dataclass
class Process:
    """This process among ``world_size``.

    Attributes:
        rank: number of this process, from 0.
        world_size: number of processes.
        device: where its model runs.
        timeout: seconds that one exchange may take.
    """

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device('cpu'))
    timeout: float = STEP_TIMEOUT
    _group: Any = None
    _long_group: Any = None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and talks."""
        return self.rank == 0

    def maximum(self, numbers: Sequence[int], doing: str) -> list[int]:
        """Element-wise maximum over all processes."""
        return self._reduce(torch.tensor(numbers, dtype=torch.int64), dist.ReduceOp.MAX, doing)

    def mean(self, numbers: Sequence[float], doing: str) -> list[float]:
        """Element-wise mean over all processes."""
        total = self._reduce(torch.tensor(numbers, dtype=torch.float64), dist.ReduceOp.SUM, doing)
        return [number / self.world_size for number in total]

    def gather(self, value: Any, doing: str, patient: bool = False) -> list[Any]:
        """The JSON-able ``value`` of every process, by rank.

        Args:
            value: dicts, lists, numbers, texts, None.
            doing: what this process does, for the message when another one does not come.
            patient: others may need hours (the end of a test).
        """
        if self.world_size == 1:
            return [value]
        group = self._long_group if patient else self._group
        data = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        with _Waiting(self, doing, LONG_TIMEOUT if patient else self.timeout):
            lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world_size)]
            dist.all_gather(lengths, torch.tensor([len(data)]), group=group)
            longest = int(max(lengths))
            texts = [torch.zeros(longest, dtype=torch.uint8) for _ in range(self.world_size)]
            dist.all_gather(texts, torch.nn.functional.pad(data, (0, longest - len(data))), group=group)
        return [json.loads(bytes(text[: int(n)].tolist())) for text, n in zip(texts, lengths)]

    def on_first(self, work: Callable[[], T], doing: str) -> T:
        """Run ``work`` on rank 0 and give its JSON-able result to all; an error of rank 0 ends them all.

        Raises:
            MMDetError: on rank 0 whatever ``work`` raised; elsewhere an error with its message.
        """
        if self.world_size == 1:
            return work()
        outcome: dict[str, Any] = {}
        failure: BaseException | None = None
        if self.first:
            try:
                outcome = {'result': work()}
            except Exception as error:
                failure, outcome = error, {'error': f'{type(error).__name__}: {error}'}
        outcome = self.gather(outcome, doing, patient=True)[0]
        if failure is not None:
            raise failure
        if 'error' in outcome:
            raise MMDetError(f'{doing} failed on rank 0: {outcome["error"]}')
        return outcome['result']

    def parallel(self, model: torch.nn.Module, find_unused_parameters: bool = False) -> torch.nn.Module:
        """The model with gradients averaged over processes; itself where there is one. It moves its own inputs."""
        if self.world_size == 1:
            return model
        return DistributedDataParallel(model, find_unused_parameters=find_unused_parameters)

    def share_buffers(self, model: torch.nn.Module) -> None:
        """Give all processes rank 0's buffers: each has its own batch statistics since the last step."""
        if self.world_size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)

    def barrier(self, doing: str) -> None:
        """Wait until all processes are here, for hours if need be."""
        self.gather(None, doing, patient=True)

    def _reduce(self, values: torch.Tensor, operation: Any, doing: str) -> list[Any]:
        if self.world_size > 1:
            with _Waiting(self, doing, self.timeout):
                dist.all_reduce(values, operation, group=self._group)
        return values.tolist()


class _Waiting:
    """Turns the failure of an exchange into a sentence that names rank and step."""

    def __init__(self, process: Process, doing: str, seconds: float) -> None:
        self.process, self.doing, self.seconds = process, doing, seconds

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, RuntimeError):
            raise MMDetError(
                f'rank {self.process.rank} of {self.process.world_size}, {self.doing}: another process did not answer '
                f'within {self.seconds:.0f} s or has ended. Its own message tells why; if it only was slow, raise '
                f'env_cfg.timeout. ({str(error).splitlines()[0]})'
            ) from error


def join_processes(launcher: str = 'auto', timeout: float = STEP_TIMEOUT) -> Process:
    """Find out who this process is, choose its device, and connect it with the others.

    Args:
        launcher: ``auto`` understands our own launcher and torchrun (``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK``);
            ``slurm`` takes the numbers from srun's variables; ``none`` is one process whatever the environment says.
        timeout: seconds that one exchange may take.

    Raises:
        ConfigError: the environment lacks variables, or there are fewer GPUs than processes on this machine.
    """
    if launcher == 'slurm':
        _adopt_slurm_variables()
    world_size = int(os.environ.get('WORLD_SIZE', 1)) if launcher != 'none' else 1
    if world_size == 1:
        return Process(device=torch.device('cuda', 0) if torch.cuda.is_available() else torch.device('cpu'))
    rank, local_rank = int(os.environ['RANK']), int(os.environ.get('LOCAL_RANK', 0))
    device = _device(local_rank)
    _connect(rank, world_size, device, timeout)
    short, long = (
        dist.new_group(backend='gloo', timeout=timedelta(seconds=seconds)) for seconds in (timeout, LONG_TIMEOUT)
    )
    return Process(rank, world_size, device, timeout, short, long)


def leave_processes() -> None:
    """Disconnect at the end of a run; safe to call when never connected."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def _device(local_rank: int) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device('cpu')
    if local_rank >= torch.cuda.device_count():
        raise ConfigError(
            f'process {local_rank} of this machine has no GPU: there are {torch.cuda.device_count()}. Start fewer '
            f'processes, or hide the GPUs (CUDA_VISIBLE_DEVICES= ) to run on CPU.'
        )
    torch.cuda.set_device(local_rank)
    return torch.device('cuda', local_rank)


def _connect(rank: int, world_size: int, device: torch.device, timeout: float) -> None:
    backend = 'nccl' if device.type == 'cuda' else 'gloo'
    limit = timedelta(seconds=timeout)
    address = os.environ.get(STORE_VARIABLE)
    if address is None:  # torchrun, srun: MASTER_ADDR and MASTER_PORT
        dist.init_process_group(backend, rank=rank, world_size=world_size, timeout=limit)
        return
    host, _, port = address.rpartition(':')
    store = dist.TCPStore(host, int(port), world_size, is_master=False, timeout=limit)
    dist.init_process_group(backend, store=store, rank=rank, world_size=world_size, timeout=limit)


def _adopt_slurm_variables() -> None:
    try:
        os.environ['RANK'] = os.environ['SLURM_PROCID']
        os.environ['WORLD_SIZE'] = os.environ['SLURM_NTASKS']
        os.environ['LOCAL_RANK'] = os.environ['SLURM_LOCALID']
    except KeyError as error:
        raise ConfigError(f'launcher slurm: {error} is not set; start with tools/slurm_train.sh or srun') from None
    if int(os.environ['WORLD_SIZE']) > 1:
        missing = [name for name in ('MASTER_ADDR', 'MASTER_PORT') if name not in os.environ]
        if missing:
            raise ConfigError(f'launcher slurm: set {" and ".join(missing)}, as tools/slurm_train.sh does')
