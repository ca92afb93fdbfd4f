"""Who computes in which precision: backends, models, training runs, the command."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from typer.testing import CliRunner

import lstm
from bfloat16_cases import needs_bfloat16
from language_cases import TEXT
from lstm import LanguageModel, backends
from lstm.backends import BFLOAT16
from lstm.callbacks import BackupAndRestore
from lstm.cli import app
from lstm.errors import InvalidValueError, ModelFileError
from lstm.layers import LSTM, Conv1D, Dense, Embedding
from lstm.models import planning
from lstm.models.plans import Plans
from lstm.text.training.run import TrainingRun
from run_cases import check_same, stopped, train

over_backends = pytest.mark.parametrize(
    "backend", ["reference", pytest.param("native", marks=needs_bfloat16)]
)
X = np.random.default_rng(1).normal(size=(6, 9, 5)).astype("f")
Y = np.random.default_rng(2).normal(size=(6, 3)).astype("f")


def model() -> lstm.Sequential:
    lstm.set_seed(3)
    made = lstm.Sequential([lstm.Input((9, 5)), LSTM(7, return_sequences=True), LSTM(4), Dense(3)])
    made.build()
    return made


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without AVX512-BF16."""
    monkeypatch.delitem(BFLOAT16, "native", raising=False)


# ---- choosing


@over_backends
def test_a_model_keeps_the_precision_it_was_made_in(backend: str) -> None:
    exact = model().predict(X)
    with backends.using(backend, precision="bfloat16") as chosen:
        assert str(chosen) == f"{backend}, float32, products of bfloat16"
        assert lstm.info()["precision"] == "bfloat16"
        rounded = model()
    assert lstm.backend().precision == "float32"
    # Eight bits instead of 24, but no fewer: the largest output is about 1.
    off = np.max(np.abs(rounded.predict(X) - exact))
    assert 1e-6 < off < 0.02
    for again in (copy.deepcopy(rounded), pickle.loads(pickle.dumps(rounded))):
        assert again.backend == rounded.backend
        assert_array_equal(again.predict(X), rounded.predict(X))


def test_none_keeps_all_and_a_name_or_dtype_starts_from_the_default() -> None:
    lstm.use("reference", precision="bfloat16")
    assert lstm.backend().chosen == lstm.use().chosen == ("reference", "float32", "bfloat16")
    assert lstm.use(dtype="float64").chosen == ("reference", "float64", None)
    assert lstm.use("reference").chosen == ("reference", "float32", None)
    assert lstm.use(precision="bfloat16").precision == "bfloat16"
    assert lstm.use(precision="float32").chosen == ("reference", "float32", None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "float16"}, "precision: expected one of 'float32', 'bfloat16'"),
        ({"precision": 16}, "precision: expected"),
        (
            {"name": "reference", "dtype": "float64", "precision": "bfloat16"},
            "precision: expected None with dtype 'float64', got 'bfloat16'",
        ),
        (
            {"name": "native", "precision": "bfloat16"},
            "precision: expected 'float32' (bfloat16 needs a processor with AVX512-BF16, which "
            "this machine lacks; lstm.use('reference', precision='bfloat16') computes it slowly "
            "anywhere), got 'bfloat16'",
        ),
    ],
)
def test_what_is_not_there_is_refused(
    arguments: dict[str, Any], message: str, lacking: None
) -> None:
    before = lstm.backend()
    with pytest.raises(InvalidValueError) as error:
        lstm.use(**arguments)
    assert str(error.value).startswith(message)
    assert lstm.backend() == before


# ---- compile


@over_backends
def test_compile_chooses_for_training_and_prediction(backend: str, capsys: Any) -> None:
    with backends.using(backend):
        made, exact = model(), model()
        exact.compile("sgd", "mse")
        before = made.predict(X)
        made.compile("sgd", "mse", precision="bfloat16")
        made.summary()
        assert f"Backend: {backend}, float32, products of bfloat16" in capsys.readouterr().out
    with backends.using(backend, precision="bfloat16"):
        like = model()
        like.compile("sgd", "mse")
    for one in (made, like, exact):
        one.fit(X, Y, epochs=4, batch_size=6, shuffle=False, verbose=0)
    assert_array_equal(made.predict(X), like.predict(X))
    assert not np.array_equal(made.get_weights()[0], exact.get_weights()[0])
    assert not np.array_equal(made.predict(X), before)
    # Back again, with the weights as they are; None keeps what there is.
    rounded = made.predict(X)
    made.compile("sgd", "mse")
    assert_array_equal(made.predict(X), rounded)
    made.compile("sgd", "mse", precision="float32")
    exact.set_weights(made.get_weights())
    assert_array_equal(made.predict(X), exact.predict(X))


def test_compile_refuses_before_it_changes_anything(lacking: None) -> None:
    with backends.using("native"):
        made = model()
        made.compile("sgd", "mse")
        optimizer = made.optimizer
        with pytest.raises(InvalidValueError, match="AVX512-BF16"):
            made.compile("adam", "mse", precision="bfloat16")
    assert made.optimizer is optimizer
    with backends.using("reference", "float64"), pytest.raises(InvalidValueError, match="float64"):
        model().compile("sgd", "mse", precision="bfloat16")


@needs_bfloat16
def test_streams_follow_the_model() -> None:
    with backends.using("native"):
        made, like = model(), model()
    made.compile("sgd", "mse")
    like.compile("sgd", "mse", precision="bfloat16")
    x = X[:1, :1]
    stream, other = made.stream(), like.stream()
    for _ in range(4):
        stream(x), other(x)
    other.state = stream.state
    made.compile("sgd", "mse", precision="bfloat16")
    assert_array_equal(stream(x), other(x))


@needs_bfloat16
def test_plans_compute_in_the_precision_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def course() -> list[Any]:
        lstm.set_seed(5)
        with backends.using("native", precision="bfloat16"):
            made = lstm.Sequential(
                [
                    lstm.Input((9,), dtype="int64"),
                    Embedding(11, 6),
                    Conv1D(8, 3, padding="causal"),
                    LSTM(7, return_sequences=True),
                    Dense(11),
                ]
            )
        made.compile("adam", "sparse_categorical_crossentropy")
        tokens = np.random.default_rng(6).integers(0, 11, (12, 9))
        for _ in range(5):
            made.train_on_batch(tokens[:4], tokens[:4])
        found = [made.predict(tokens[:4]) for _ in range(4)]
        planned.append(len(made.passes(planning.infer).plans.planned))
        return [*found, *made.get_weights()]

    planned: list[int] = []
    from_plans = course()
    with monkeypatch.context() as patch:
        patch.setattr(Plans, "find", lambda *_: None)
        step_by_step = course()
    assert planned == [1, 0]
    for one, other in zip(from_plans, step_by_step, strict=True):
        assert_array_equal(one, other)


# ---- files


@over_backends
def test_a_file_holds_float32_and_loads_into_the_active_precision(
    backend: str, tmp_path: Path
) -> None:
    with backends.using(backend, precision="bfloat16"):
        made = model()
        made.save(tmp_path / "m.safetensors")
    with backends.using(backend):
        loaded = lstm.load_model(tmp_path / "m.safetensors")
    assert loaded.backend.precision == "float32"
    for one, other in zip(loaded.get_weights(), made.get_weights(), strict=True):
        assert_array_equal(one, other)


def test_a_backup_continues_in_its_own_precision_only(tmp_path: Path) -> None:
    def fit(precision: str) -> None:
        with backends.using("reference", precision=precision):
            made = model()
        made.compile("sgd", "mse")
        kept = BackupAndRestore(tmp_path / "backup", save_freq=1, delete_checkpoint=False)
        made.fit(X, Y, epochs=2, verbose=0, callbacks=[kept])

    fit("bfloat16")
    with pytest.raises(InvalidValueError, match="bfloat16"):
        fit("float32")


# ---- training runs

SHORT: dict[str, Any] = {"corpus": TEXT[:700], "seq_len": 8, "epochs": 2}


@over_backends
def test_a_run_continues_in_its_precision_to_the_same_bits(backend: str, tmp_path: Path) -> None:
    with backends.using(backend, precision="bfloat16"):
        train(tmp_path / "whole", **SHORT)
        other = stopped(tmp_path / "other", 20, **SHORT)
    resumed = LanguageModel.resume(other)
    assert resumed.model.backend.chosen == (backend, "float32", "bfloat16")
    check_same(other, tmp_path / "whole")


def test_train_takes_a_precision(tmp_path: Path) -> None:
    made = train(tmp_path / "m", backend="reference", precision="bfloat16", **SHORT)
    assert made.model.backend.precision == "bfloat16"
    assert LanguageModel.load(tmp_path / "m").model.backend == lstm.backend()


def test_a_run_from_before_there_was_a_choice_continues(tmp_path: Path) -> None:
    folder = stopped(tmp_path / "m", 20, **SHORT)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    assert config.pop("precision") is None
    file.write_text(json.dumps(config))
    assert LanguageModel.resume(folder).model.backend.precision == "float32"


@pytest.mark.parametrize("precision", ["float16", 3, ["bfloat16"]])
def test_a_precision_that_is_none_is_damage(tmp_path: Path, precision: Any) -> None:
    folder = stopped(tmp_path / "m", 20, **SHORT)
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"precision": precision}))
    with pytest.raises(ModelFileError, match="is damaged"):
        LanguageModel.resume(folder)


def test_a_run_is_refused_where_the_precision_is_not(tmp_path: Path, lacking: None) -> None:
    folder = tmp_path / "m"
    with pytest.raises(InvalidValueError, match="AVX512-BF16"):
        train(folder, backend="native", precision="bfloat16", **SHORT)
    assert not folder.exists()
    stopped(folder, 20, **SHORT)
    file = folder / "config.json"
    chosen = {"backend": "native", "precision": "bfloat16"}
    file.write_text(json.dumps(json.loads(file.read_text()) | chosen))
    with pytest.raises(InvalidValueError, match="AVX512-BF16"):
        TrainingRun.resume(LanguageModel, folder)


class TestCommand:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("text.txt").write_text(TEXT)

    def test_trains_in_it_and_says_so(self) -> None:
        options = ("--backend", "reference", "--precision", "bfloat16", "--hidden", "4")
        result = CliRunner().invoke(app, ["train", "text.txt", *options, "--epochs", "1"])
        assert result.exit_code == 0, result.output
        assert "backend reference, bfloat16" in result.output
        assert json.loads(Path("text-model/config.json").read_text())["precision"] == "bfloat16"

    def test_is_refused_before_anything_is_written(self, lacking: None) -> None:
        arguments = ["train", "text.txt", "--backend", "native", "--precision", "bfloat16"]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 2
        assert "AVX512-BF16" in result.output + result.stderr
        assert [file.name for file in Path().iterdir()] == ["text.txt"]
