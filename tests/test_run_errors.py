"""A training in a folder: what is refused, and what an error leaves."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from language_cases import TEXT
from lstm import LanguageModel, container, storage
from lstm.errors import (
    DivergedError,
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    ModelFileError,
)
from lstm.text import TextSource, source
from lstm.text.training.run import TrainingRun
from run_cases import (
    at_step,
    begin,
    check_same,
    checkpoint,
    contents,
    records,
    stopped,
    train,
    unbegun,
)


class TestNothingIsLeft:
    """Of a training in which nothing was learned."""

    @pytest.mark.parametrize(
        ("options", "kind", "argument"),
        [
            ({"corpus": TEXT[:15]}, InvalidShapeError, "corpus"),
            ({"corpus": TEXT[:100], "val_fraction": 0.01}, InvalidValueError, "val_fraction"),
            ({"corpus": ""}, InvalidValueError, "corpus"),
            ({"hidden": 0}, InvalidValueError, "hidden"),
            ({"hidden": 10**20}, InvalidValueError, "embeddings of embedding"),
            ({"lr": 1e39}, InvalidValueError, "lr"),
            ({"clip": 1e39}, InvalidValueError, "clip"),
            ({"weight_decay": 1e39}, InvalidValueError, "weight_decay"),
            ({"hiden": 4}, InvalidTypeError, r"LanguageModel.train\(\)"),
            ({"backend": "abacus"}, InvalidValueError, "backend"),
            ({"checkpoint_every": -1}, InvalidValueError, "checkpoint_every"),
            ({"checkpoint_every": "often"}, InvalidValueError, "checkpoint_every"),
            ({"verbose": 3}, InvalidValueError, "verbose"),
            ({"callbacks": ["bar"]}, InvalidValueError, "callbacks"),
        ],
    )
    def test_of_bad_arguments(
        self, folder: Path, options: dict[str, Any], kind: type[Exception], argument: str
    ) -> None:
        with pytest.raises(kind, match=f"^{argument}: expected"):
            train(folder, **options)
        assert not folder.exists()

    @pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
    @pytest.mark.parametrize("every", [0, 30])
    def test_of_a_loss_that_runs_away_at_once(self, folder: Path, every: float) -> None:
        with pytest.raises(DivergedError):
            train(folder, lr=1e30, checkpoint_every=every)
        assert not folder.exists()

    @pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
    def test_but_the_best_model_before_it_ran_away(self, folder: Path) -> None:
        run = begin(folder)

        def spoil() -> None:
            run.language_model.model.parameters.learned[:] = np.nan

        with pytest.raises(DivergedError):
            run.train(callbacks=at_step(run, 100, spoil))
        assert len(records(folder)) == 2
        loaded = LanguageModel.load(folder)
        last = loaded.evaluate(TEXT[-(len(TEXT) // 10) :]).nats
        assert last == min(record["val_loss"] for record in records(folder))

    def test_but_all_of_it_where_a_callback_fails(self, folder: Path, whole: Path) -> None:
        run = begin(folder)

        def fail() -> None:
            raise RuntimeError("of the user's own")

        with pytest.raises(RuntimeError, match="own"):
            run.train(callbacks=at_step(run, 20, fail), checkpoint_every=0)
        assert TrainingRun.resume(LanguageModel, folder).training.step == 20
        LanguageModel.resume(folder)
        check_same(folder, whole)

    def test_files_of_ones_own_stay(self, folder: Path) -> None:
        run = begin(folder)
        (folder / "notes.txt").write_text("mine")
        with pytest.raises(InvalidValueError):
            run.train(callbacks=["bar"])  # type: ignore[list-item]
        assert os.listdir(folder) == ["notes.txt"]


class TestErrors:
    def test_a_folder_that_exists(self, whole: Path) -> None:
        before = contents(whole)
        with pytest.raises(InvalidValueError, match=r"^folder: expected one that does not exist"):
            train(whole)
        assert contents(whole) == before

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for place, why in (
            ("no/run", "no such file or directory"),
            ("file/run", "not a directory"),
        ):
            with pytest.raises(InvalidValueError, match=f"^folder: expected one .* \\({why}\\)"):
                train(tmp_path / place)

    def test_no_training_there(self, tmp_path: Path, whole: Path) -> None:
        (tmp_path / "empty").mkdir()
        for place, why in (("none", "no such folder"), ("empty", "holds no training run to cont")):
            with pytest.raises(ModelFileError, match=why):
                LanguageModel.resume(tmp_path / place)

    @pytest.mark.parametrize("size", [0, 1, 100, -1])
    @pytest.mark.parametrize("name", ["checkpoint.safetensors", "model.safetensors", "config.json"])
    def test_truncated_files(self, folder: Path, name: str, size: int) -> None:
        file = stopped(folder) / name
        file.write_bytes(file.read_bytes().rstrip()[:size])
        with pytest.raises(ModelFileError, match="is damaged") as caught:
            LanguageModel.resume(folder)
        assert caught.value.path == file

    @pytest.mark.parametrize("name", ["checkpoint.safetensors", "model.safetensors"])
    def test_a_flipped_bit(self, folder: Path, name: str) -> None:
        file = stopped(folder) / name
        content = bytearray(file.read_bytes())
        content[-5] ^= 8
        file.write_bytes(content)
        with pytest.raises(ModelFileError, match="is damaged: its checksum"):
            LanguageModel.resume(folder)

    @pytest.mark.parametrize("name", ["tokens.bin", "model.safetensors"])
    def test_a_missing_file(self, folder: Path, name: str) -> None:
        (stopped(folder) / name).unlink()
        with pytest.raises(ModelFileError, match="there is no such file") as caught:
            LanguageModel.resume(folder)
        assert caught.value.path == folder / name

    def test_tokens_of_another_text(self, folder: Path) -> None:
        file = stopped(folder) / "tokens.bin"
        tokens = file.read_bytes()
        for other in (tokens[::-1], tokens[:-1], tokens + tokens):
            file.write_bytes(other)
            with pytest.raises(ModelFileError, match="holds another text than that of checkpoint"):
                LanguageModel.resume(folder)
        file.write_bytes(tokens[:-1] + b"\xff")
        with pytest.raises(ModelFileError, match="has the token 255, but its vocabulary has only"):
            LanguageModel.resume(folder)
        file.write_bytes(b"")
        with pytest.raises(ModelFileError, match="is empty"):
            LanguageModel.resume(folder)

    def test_a_checkpoint_of_another_training(self, folder: Path, tmp_path: Path) -> None:
        stopped(folder)
        other = stopped(tmp_path / "other")
        (other / "checkpoint.safetensors").replace(folder / "checkpoint.safetensors")
        with pytest.raises(ModelFileError, match=r"another training run than config\.json"):
            LanguageModel.resume(folder)

    @pytest.mark.parametrize("other", [{"hidden": 5}, {"layers": 2}, {"corpus": TEXT.upper()}])
    def test_a_model_of_another_training(
        self, folder: Path, tmp_path: Path, other: dict[str, Any]
    ) -> None:
        stopped(folder)
        begin(tmp_path / "other", **other).train()
        (tmp_path / "other/model.safetensors").replace(folder / "model.safetensors")
        with pytest.raises(ModelFileError, match="holds another model than checkpoint") as caught:
            LanguageModel.resume(folder)
        assert caught.value.path == folder / "model.safetensors"

    def test_what_is_no_checkpoint(self, folder: Path) -> None:
        (stopped(folder) / "model.safetensors").replace(folder / "checkpoint.safetensors")
        with pytest.raises(ModelFileError, match="holds a language model, not a checkpoint"):
            LanguageModel.resume(folder)

    @pytest.mark.parametrize("key", ["lr", "epochs", "hidden", "schedule", "dropout"])
    def test_other_options(self, folder: Path, key: str) -> None:
        file = stopped(folder) / "config.json"
        config = json.loads(file.read_bytes())
        before = config["chosen"][key]
        config["chosen"][key] = {"schedule": "constant", "dropout": 0.5}.get(key, 7)
        file.write_text(json.dumps(config))
        message = f"was made with {key} {before}, but config.json has {config['chosen'][key]}"
        with pytest.raises(ModelFileError, match=message):
            LanguageModel.resume(folder)

    @pytest.mark.parametrize(("key", "value"), [("epochs", 77), ("hidden", 7), ("seed", 7)])
    def test_other_wishes(self, folder: Path, key: str, value: int) -> None:
        """What was asked for is not asked for again: it would seem to be taken, and is not."""
        file = stopped(folder) / "config.json"
        config = json.loads(file.read_bytes())
        where = config if key == "seed" else config["options"]
        before, where[key] = where[key], value
        file.write_text(json.dumps(config))
        message = f"was made with {key} {before}, but config.json has {value}"
        with pytest.raises(ModelFileError, match=message):
            LanguageModel.resume(folder)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"format": 2}, "was written by a later version of lstm-kit; update to read it"),
            ({"format": "one"}, "is damaged"),
            ({"run": ...}, "is damaged: it lacks run"),
            ({"backend": "abacus"}, "is damaged .*abacus"),
            ({"dtype": "float16"}, "is damaged .*float16"),
            ({"chosen": {"hiden": 4}}, "is damaged .*hiden"),
            ({"chosen": {"hidden": -4}}, "is damaged .*-4"),
            ({"chosen": 4}, "is damaged"),
            ({"chosen": ..., "options": None}, "is damaged"),
            ({"tokens": {"tokens": "syllables"}}, "is damaged .*syllables"),
            ({"tokens": {"kind": "bpe"}}, "is damaged .*kind"),
            ({"tokens": []}, "is damaged"),
        ],
        ids=str,
    )
    def test_a_configuration_that_makes_no_sense(
        self, folder: Path, change: dict[str, Any], message: str
    ) -> None:
        file = stopped(folder) / "config.json"
        config = json.loads(file.read_bytes()) | change
        file.write_text(json.dumps({k: v for k, v in config.items() if v is not ...}))
        with pytest.raises(ModelFileError, match=message) as caught:
            LanguageModel.resume(folder)
        assert caught.value.path == file

    @pytest.mark.parametrize("text", ["[]", "null", "{", '{"format": 1}', "[" * 10**5, "\xff"])
    def test_a_configuration_that_is_none(self, folder: Path, text: str) -> None:
        file = stopped(folder) / "config.json"
        file.write_bytes(text.encode("latin-1"))
        with pytest.raises(ModelFileError, match=r"config\.json: is damaged"):
            LanguageModel.resume(folder)

    def test_a_checkpoint_of_a_later_format(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = begin(folder)
        monkeypatch.setattr(container, "FORMAT", container.INT8_FORMAT + 1)
        run.checkpoint()
        monkeypatch.undo()
        del run
        with pytest.raises(ModelFileError, match="was written by a later version of lstm-kit"):
            LanguageModel.resume(folder)

    def test_a_checkpoint_that_lacks_something(self, folder: Path) -> None:
        file = stopped(folder) / "checkpoint.safetensors"
        tensors, header = checkpoint(folder)
        for key in header["training"]:
            state = {k: v for k, v in header["training"].items() if k != key}
            storage.write(file, tensors, header | {"training": state})
            with pytest.raises(ModelFileError, match="has a header that makes no sense"):
                LanguageModel.resume(folder)
        for key in ("run", "chosen", "training", "vocabulary", "graph"):
            storage.write(file, tensors, {k: v for k, v in header.items() if k != key})
            with pytest.raises(ModelFileError, match="has a header that makes no sense"):
                LanguageModel.resume(folder)
        for key in header["chosen"].keys() - {"cell"}:  # Files from before it was one lack it.
            chosen = {k: v for k, v in header["chosen"].items() if k != key}
            storage.write(file, tensors, header | {"chosen": chosen})
            with pytest.raises(ModelFileError, match=f"has a header .* none for {key}"):
                LanguageModel.resume(folder)
        for key in tensors:
            storage.write(file, {k: v for k, v in tensors.items() if k != key}, header)
            with pytest.raises(ModelFileError, match="has a header that makes no sense"):
                LanguageModel.resume(folder)

    def test_a_text_that_can_be_read_only_once(self, folder: Path) -> None:
        begin(folder, TextSource.of(TEXT))
        unbegun(folder)
        with pytest.raises(ModelFileError, match="never started; remove it and start again"):
            LanguageModel.resume(folder)

    def test_a_text_that_is_gone(self, folder: Path) -> None:
        text = folder.parent / "text.txt"
        text.write_text(TEXT)
        begin(folder, source(text))
        unbegun(folder)
        text.unlink()
        with pytest.raises(InvalidValueError, match=r"^corpus: expected a file that can be read"):
            LanguageModel.resume(folder)

    def test_samples_that_cannot_be_written(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lstm.text.training.samples._EVERY", 0.0)
        monkeypatch.setattr("lstm.text.training.samples._SHARE", 0.0)
        run = begin(folder)
        (folder / "samples.txt").mkdir()
        with pytest.raises(ModelFileError, match=r"samples\.txt: cannot be written"):
            run.train()
        assert len(records(folder)) == 1
