"""What is installed and active."""

import platform
from typing import Any

import numpy as np

from lstm.backends import BACKENDS, backend, native
from lstm.backends.cores import usable_cores


def info() -> dict[str, Any]:
    """Versions, the active backend, the instruction set and threads of the kernels, usable cores.

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
        "cores": usable_cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }
