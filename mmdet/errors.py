"""The errors that a user can meet. Every message says what was wrong, where, and what to do about it."""


class MMDetError(Exception):
    """Base of all errors that this package raises on purpose."""


class ConfigError(MMDetError):
    """A config has an unknown key, a wrong value, or names a class that does not exist."""


class IncompatibleSlotsError(ConfigError):
    """Two slots of a model cannot work together, such as a RoI track head on a detector without a pyramid."""


class DataError(MMDetError):
    """A data file is missing, damaged or inconsistent; the message names file, video, frame and annotation."""


class AnnotationsMissingError(DataError):
    """Evaluation was asked for on a data set that has no ground truth."""


class CheckpointError(MMDetError):
    """A checkpoint is unsafe, damaged, of another model, or cannot be written."""


class NonFiniteLossError(MMDetError):
    """The loss became NaN or infinite; the message names the samples of the batch."""


class VideoSourceError(MMDetError):
    """A video file, folder or camera cannot be opened or read."""


class PromptError(MMDetError):
    """What a user marked cannot be followed: outside the image, without area, an empty mask, or on no frame."""
