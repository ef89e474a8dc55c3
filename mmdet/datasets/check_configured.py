"""Checks the data sets that a config names, through the classes that will read them: own formats too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from mmdet.datasets.base import VideoDataset
from mmdet.datasets.check import CheckOptions, Findings, check_document
from mmdet.datasets.check_crops import check_crops
from mmdet.datasets.crops.base import CropDataset
from mmdet.datasets.instances import InstanceDatabase
from mmdet.datasets.schema import Problem, first_problem
from mmdet.datasets.siam.crop_folder import Crop511Dataset
from mmdet.errors import ConfigError, DataError
from mmdet.registry import DATASETS

__all__ = ['check_configured', 'dataset_problems']


class _DocumentRead(Exception):
    """Carries a data set and its document out of the constructor, which would go on to stop at the first problem."""

    def __init__(self, dataset: VideoDataset, document: dict[str, Any]) -> None:
        super().__init__()
        self.dataset, self.document = dataset, document


def check_configured(
    datasets: Mapping[str, Mapping[str, Any]],
    options: CheckOptions | None = None,
    limit: int = 100,
    echo: Callable[[str], None] = print,
) -> int:
    """Check data sets given as config dicts and report as text; files that several of them share are checked once.

    Args:
        datasets: config dict by the place in the config where it stands.
        options: how thorough the check is.
        limit: problems to report, 0 for all.
        echo: gets the lines of the report.

    Returns:
        The number of problems; harmless notes are not counted.

    Raises:
        ConfigError: no data sets, or one that cannot be built.
    """
    if not datasets:
        raise ConfigError('the config has no data sets to check (train_dataloader, val_dataloader, test_dataloader)')
    findings = Findings(limit)
    checked: set[tuple[type, str, str, str]] = set()
    for place, config in datasets.items():
        for problem in dataset_problems(place, config, options or CheckOptions(), checked, echo):
            findings.add(problem)
    findings.tell(echo)
    return findings.count


def dataset_problems(
    place: str,
    config: Mapping[str, Any],
    options: CheckOptions,
    checked: set[tuple[type, str, str, str]],
    echo: Callable[[str], None] = print,
) -> Iterator[Problem]:
    """Everything wrong with the files of one data set.

    Args:
        place: where it stands in the config, for messages.
        config: its config dict.
        options: how thorough the check is.
        checked: class, annotation file, folder and videos of the sets that were checked already; this one is added.
        echo: gets a summary line of the file.
    """
    cls = DATASETS.get(config.get('type', ''))
    if isinstance(cls, type) and issubclass(cls, CropDataset):
        arguments = {key: value for key, value in config.items() if key != 'type'}
        yield from check_crops(place, cls, arguments, options.skip_images, echo)
        return
    if cls in (Crop511Dataset, InstanceDatabase):
        yield from _crop_problems(place, config, options)
        return
    try:
        dataset, document = _read(cls, config)
    except DataError as error:
        yield Problem(place, str(error))
        return
    key = (cls, dataset.ann_file, dataset.img_prefix, repr(document.get('videos')))
    if key in checked:
        return
    checked.add(key)
    echo(f'{place}: {cls.__name__}')
    yield from check_document(document, dataset.ann_file, dataset.img_prefix, options, echo)
    try:
        first_problem(document, dataset.ann_file)
    except DataError:
        return  # listed above; the demands of the class are on sound documents
    try:
        dataset.check_document(document)
    except DataError as error:
        yield Problem(place, str(error))


def _crop_problems(place: str, config: Mapping[str, Any], options: CheckOptions) -> Iterator[Problem]:
    try:
        dataset = DATASETS.build(config)
    except DataError as error:
        yield Problem(place, str(error))
        return
    if not options.skip_images:
        yield from dataset.problems(options.decode_images)


def _read(cls: Any, config: Mapping[str, Any]) -> tuple[VideoDataset, dict[str, Any]]:
    """A data set as far as it is before its document is looked at, and the document."""
    if not (isinstance(cls, type) and issubclass(cls, VideoDataset)):
        raise ConfigError(f'{config.get("type")} is not a VideoDataset, so it has no document to check')

    def read_and_stop(self: VideoDataset) -> NoReturn:
        raise _DocumentRead(self, cls.read_document(self))

    stopping = type(cls.__name__, (cls,), {'read_document': read_and_stop})
    try:
        DATASETS.build({**config, 'type': stopping})
    except _DocumentRead as read:
        return read.dataset, read.document
    raise ConfigError(f'{cls.__name__} read no document when it was built; its constructor must call super().__init__')
