"""What is installed and active."""

import os
import platform
from typing import Any

import numpy as np

from lstm.backends import BACKENDS, backend, native


def info() -> dict[str, Any]:
    """Versions, the active backend, the instruction set and threads of the kernels.

    Example:
        >>> import lstm
        >>> sorted(lstm.info())[:3]
        ['backend', 'backends', 'cores']
    """
    # Here because it would be a tenth of `import lstm`.
    from importlib.metadata import version

    active = backend()
    return {
        "lstm-kit": version("lstm-kit"),
        "backend": active.name,
        "dtype": active.dtype,
        "backends": list(BACKENDS),
        "instruction_set": native.instruction_set(),
        "threads": native.num_threads(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }
