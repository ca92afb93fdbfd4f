"""What is installed and active."""

import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from lstm.backends import BACKENDS, BFLOAT16, backend
from lstm.backends.cores import usable_cores

__version__ = version("lstm-kit")


def info() -> dict[str, Any]:
    """Return versions, the active backend, instruction set and threads of the kernels, and cores.

    `bfloat16` lists the backends that have products of this precision here.

    Example:
        >>> import lstm
        >>> sorted(lstm.info())[:3]
        ['backend', 'backends', 'bfloat16']
    """
    active = backend()
    # Those of the active one come last, and count.
    facts = [ops.facts() for ops in (*BACKENDS.values(), active.ops)]
    return {
        "lstm-kit": __version__,
        "backend": active.name,
        "dtype": active.dtype,
        "precision": active.precision,
        "backends": list(BACKENDS),
        "bfloat16": list(BFLOAT16),
        **{name: value for some in facts for name, value in some.items()},
        "cores": usable_cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }
