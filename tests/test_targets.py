"""Files that callbacks cannot write are known before the first step."""

from pathlib import Path
from typing import Any

import pytest

from language_cases import TEXT
from lstm import LanguageModel
from lstm.callbacks import CSVLogger, LambdaCallback, ModelCheckpoint, TensorBoard
from lstm.errors import InvalidValueError


def train(folder: Path, **options: Any) -> None:
    LanguageModel.train(TEXT, folder=folder, hidden=4, epochs=3, seed=5, **options)


class TestTargetsThatCannotBeWritten:
    def callbacks(self, place: Path) -> list[tuple[Any, str]]:
        return [
            (ModelCheckpoint(place / "m.safetensors"), "filepath"),
            (ModelCheckpoint(place / "{epoch}" / "{loss:.1f}.safetensors"), "filepath"),
            (CSVLogger(place / "log.csv"), "filename"),
            (CSVLogger(place / "log.csv", append=True), "filename"),
        ]

    def refused(self, callback: Any, argument: str, folder: Path) -> None:
        steps: list[int] = []
        count = LambdaCallback(on_train_batch_begin=lambda batch, logs: steps.append(batch))
        with pytest.raises(InvalidValueError, match=f"^{argument}: expected a f"):
            train(folder, callbacks=[count, callback])
        assert not folder.exists()
        assert steps == []

    def test_in_a_folder_that_is_missing(self, folder: Path) -> None:
        for callback, argument in self.callbacks(folder.with_name("missing")):
            self.refused(callback, argument, folder)

    @pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no such system")
    def test_in_a_folder_that_is_read_only(self, folder: Path) -> None:
        place = Path("/proc/self")
        for callback, argument in self.callbacks(place):
            self.refused(callback, argument, folder)
        self.refused(TensorBoard(place / "logs"), "log_dir", folder)
        with pytest.raises(InvalidValueError, match=r"^folder: expected one that can be made"):
            train(place / "run")

    def test_that_are_folders(self, folder: Path) -> None:
        for name in ("m.safetensors", "log.csv"):
            (folder.parent / name).mkdir()
        for callback, argument in self.callbacks(folder.parent)[::2]:
            self.refused(callback, argument, folder)

    def test_below_a_file(self, folder: Path) -> None:
        file = folder.parent / "file"
        file.write_text("")
        self.refused(TensorBoard(file), "log_dir", folder)
        self.refused(TensorBoard(file / "logs"), "log_dir", folder)

    def test_folders_that_are_named_by_fields_are_made(self, folder: Path) -> None:
        pattern = folder.parent / "kept" / "{epoch}-{val_loss:.0f}" / "m.safetensors"
        pattern.parent.parent.mkdir()
        train(folder, callbacks=ModelCheckpoint(pattern))
        assert len(list(folder.parent.glob("kept/?-?/m.safetensors"))) == 3
