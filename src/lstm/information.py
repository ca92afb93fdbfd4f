"""What is installed and active."""

import platform
from typing import Any

import numpy as np

from lstm.backends import BACKENDS, backend
from lstm.backends.cores import usable_cores


def info() -> dict[str, Any]:
    """Return versions, the active backend, instruction set and threads of the kernels, and cores.

    Example:
        >>> import lstm
        >>> sorted(lstm.info())[:3]
        ['backend', 'backends', 'cores']
    """
    # Imported here, because it would be a tenth of the time of `import lstm`.
    from importlib.metadata import version

    active = backend()
    facts = [ops.facts() for ops in BACKENDS.values()]
    return {
        "lstm-kit": version("lstm-kit"),
        "backend": active.name,
        "dtype": active.dtype,
        "backends": list(BACKENDS),
        **{name: value for some in facts for name, value in some.items()},
        "cores": usable_cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }
