"""Corpora: a text that comes with every Python, and the text that everyone measures with."""

import hashlib
import os
from pathlib import Path

from lstm.errors import DataUnavailableError, InvalidValueError, MissingExtraError

SHAKESPEARE_VARIABLE = "LSTM_SHAKESPEARE"
# The same file as https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt.
SHAKESPEARE_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def offline_corpus() -> str:
    """Return the help topics of Python, the text of `pydoc_data.topics`, without a network.

    The text depends on the version of Python: 465,047 characters in 3.11, 492,232 in 3.12, 510,663
    in 3.13. Compare results only within one version.

    Returns:
        All topics in order of their names, joined by blank lines.

    Raises:
        DataUnavailableError: this Python was installed without `pydoc_data`.

    Example:
        >>> print(offline_corpus()[:22])
        The "assert" statement
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise DataUnavailableError(
            "the offline corpus is the text of pydoc_data.topics, which this Python was installed "
            "without: name a text file instead"
        ) from error
    return "\n\n".join(topics[name].strip("\n") for name in sorted(topics))


def shakespeare() -> str:
    """Return tinyshakespeare: 1,115,394 characters of his plays, 65 of them distinct.

    The environment variable LSTM_SHAKESPEARE may name a local copy. Otherwise the text is fetched
    once (which needs `pip install 'lstm-kit[data]'`) and kept in the user's cache folder. In both
    cases its hash is checked.

    Returns:
        The text, with line ends as in the original.

    Raises:
        InvalidValueError: the file that LSTM_SHAKESPEARE names holds another text.
        DataUnavailableError: that file cannot be read, or the text cannot be fetched.
        MissingExtraError: the text must be fetched, and the extra is not installed.

    Source:
        A. Karpathy, char-rnn, 2015.

    Example:
        >>> print(shakespeare()[:14])  # doctest: +SKIP
        First Citizen:
    """
    local = os.environ.get(SHAKESPEARE_VARIABLE)
    return (_read_shakespeare(local) if local else _fetch_shakespeare()).decode("utf-8")


def _read_shakespeare(path: str) -> bytes:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataUnavailableError(
            f"{SHAKESPEARE_VARIABLE} names a file that cannot be read: {error}"
        ) from error
    got = hashlib.sha256(content).hexdigest()
    if got != SHAKESPEARE_SHA256:
        raise InvalidValueError(
            f"{SHAKESPEARE_VARIABLE}={path}", f"a file with sha256 {SHAKESPEARE_SHA256}", got
        )
    return content


def _fetch_shakespeare() -> bytes:
    try:
        import pooch
    except ImportError as error:
        raise MissingExtraError("fetching Shakespeare", "data") from error
    try:
        file: str = pooch.retrieve(
            SHAKESPEARE_URL,
            known_hash=f"sha256:{SHAKESPEARE_SHA256}",
            fname="shakespeare.txt",
            path=pooch.os_cache("lstm-kit"),
        )
        return Path(file).read_bytes()
    # pooch raises OSError without a connection, ValueError for another content than expected.
    except (OSError, ValueError) as error:
        raise DataUnavailableError(
            "Shakespeare could not be fetched: set the environment variable "
            f"{SHAKESPEARE_VARIABLE} to a local copy of {SHAKESPEARE_URL} ({error})"
        ) from error
