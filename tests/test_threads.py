"""Models made in several Python threads at once: each is what it would be alone."""

import contextvars
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

import lstm
from lstm import LanguageModel, LSTMNetwork, backends
from lstm.backends import backend
from lstm.layers import LSTM, Dense, Dropout, Input, Layer


def bits(model: lstm.Model) -> bytes:
    return b"".join(w.tobytes() for w in model.get_weights())


def small() -> lstm.Model:
    return lstm.Sequential([Input((None, 2)), LSTM(3), Dropout(0.5), Dense(1)])


def in_thread(function: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


class Stop:
    """A place where one thread stands until another has looked."""

    def __init__(self) -> None:
        self._reached, self._go_on = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self._reached.set()
        assert self._go_on.wait(30)

    @contextmanager
    def standing(self, function: Callable[[], Any]) -> Iterator[None]:
        """Run the block while another thread stands here, within `function`."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(function)
            try:
                assert self._reached.wait(30) or running.result()
                yield
            finally:
                self._go_on.set()
            running.result()


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# ---- what one thread is in the middle of


class Standing(Layer):
    """A layer that stands still when it is built."""

    stop: Callable[[], None] = staticmethod(lambda: None)

    def build(self, *shapes: Any) -> None:
        self.stop()

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes


def test_a_model_built_while_another_is_loaded_has_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stop = tmp_path / "model.safetensors", Stop()
    lstm.Sequential([Input((2,)), Standing(), Dense(3)]).save(path)
    monkeypatch.setattr(Standing, "stop", staticmethod(stop))
    with stop.standing(lambda: lstm.load_model(path, {"Standing": Standing})):
        model = small()
        assert all(weight.any() for weight in model.get_weights()[:2])


def test_layers_belong_to_the_one_whose_thread_traces_them() -> None:
    stop = Stop()

    class Outer(Layer):
        def __init__(self, name: str, pause: Callable[[], None] = lambda: None) -> None:
            super().__init__(name=name)
            self.pause, self.first, self.second = pause, Dense(2), Dense(2)

        def call(self, inputs: Any) -> Any:
            inputs = self.first(inputs)
            self.pause()
            return self.second(inputs)

    def names(layer: Layer) -> list[str]:
        x = Input((2,))
        return list(lstm.Model(x, layer(x)).graph.layers)

    traced: list[str] = []
    with stop.standing(lambda: traced.extend(names(Outer("slow", stop)))):
        assert names(Outer("fast")) == ["fast/dense", "fast/dense_1"]
        assert names(Dense(2)) == ["dense"]
    assert traced == ["slow/dense", "slow/dense_1"]


# ---- backends


def test_a_backend_for_a_block_is_that_of_its_thread() -> None:
    stop = Stop()

    def other() -> None:
        with backends.using("reference", "float64"):
            stop()
            assert small().backend.dtype == "float64"

    with stop.standing(other):
        assert small().backend.name == "native"
        with backends.using("reference"):
            assert small().backend.dtype == "float32"


def anew(function: Callable[[], None]) -> None:
    """Run in the main thread, outside of all blocks, such as that of the fixture of all tests."""
    assert threading.current_thread() is threading.main_thread()
    contextvars.Context().run(function)


def test_the_main_thread_chooses_for_those_that_do_not() -> None:
    def main() -> None:
        own, checked = threading.Event(), threading.Event()

        def other() -> tuple[str, str]:
            lstm.use("reference", "float64")
            own.set()
            assert checked.wait(30)
            return backend().name, backend().dtype

        assert backend().name == "native"
        try:
            with ThreadPoolExecutor(2) as pool:
                running = pool.submit(lambda: backend().name)
                assert running.result() == "native"
                chosen = pool.submit(other)
                assert own.wait(30)
                assert backend().name == "native"
                lstm.use("reference")
                # In a thread that runs since before, too, but not in one that has chosen itself.
                assert pool.submit(lambda: (backend().name, backend().dtype)).result() == (
                    *("reference", "float32"),
                )
                checked.set()
                assert chosen.result() == ("reference", "float64")
            assert in_thread(lambda: backend().name) == "reference"
        finally:
            checked.set()
            lstm.use("native")

    anew(main)


# ---- seeds


def network(seed: int) -> bytes:
    return bits(LSTMNetwork(1, 3, 5, loss="cross_entropy", seed=seed).model)


def language_model(seed: int) -> bytes:
    text = "abracadabra " * 20
    return bits(LanguageModel.train(text, hidden=4, epochs=1, dropout=0.5, seed=seed).model)


def created(seed: int) -> bytes:
    made = LanguageModel.create(lstm.text.CharVocabulary.from_text("abc"), hidden=4, seed=seed)
    made.fit("abcabcab" * 9, epochs=1)
    return bits(made.model)


def trained(seed: int) -> bytes:
    lstm.set_seed(seed)
    model = small()
    model.compile("sgd", "mse")
    model.fit(np.ones((7, 2, 2)), np.arange(7), batch_size=2, verbose=0)
    return bits(model)


def loaded(seed: int) -> bytes:
    """A model of one's own class, trained, saved, loaded and trained on."""
    lstm.set_seed(seed)

    class Doubled(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = Dense(2 + seed), Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.second(self.first(inputs))

    model = lstm.Sequential([Input((None, 2)), Doubled(), LSTM(3), Dropout(0.5), Dense(1)])
    model.compile("adam", "mse")
    x, y = np.ones((7, 2, 2)), np.arange(7)
    model.fit(x, y, batch_size=2, verbose=0)
    again = through_a_file(model, lstm.load_model)
    again.fit(x, y, batch_size=2, verbose=0)
    return bits(again) + repr(list(again.named_weights)).encode()


def loaded_language_model(seed: int) -> bytes:
    lstm.set_seed(seed)
    text = "abracadabra " * 20
    made = LanguageModel.train(text, hidden=4, epochs=1, dropout=0.5, seed=seed)
    again = through_a_file(made, LanguageModel.load)
    again.fit(text, epochs=1)
    return bits(again.model) + again.generate("ab", 20, seed=seed).encode()


def loaded_network(seed: int) -> bytes:
    lstm.set_seed(seed)
    made = LSTMNetwork(1, 3, 5, loss="cross_entropy", seed=seed)
    again = through_a_file(made, LSTMNetwork.load)
    again.train(np.ones((2, 4)), np.ones((2, 4), int), 2, 0.1, verbose=0)
    return bits(again.model)


def through_a_file(made: Any, load: Callable[[Path], Any]) -> Any:
    with TemporaryDirectory() as folder:
        made.save(Path(folder) / "model.safetensors")
        return load(Path(folder) / "model.safetensors")


MAKERS = {
    network: 60,
    trained: 60,
    loaded: 24,
    loaded_network: 24,
    language_model: 12,
    created: 12,
    loaded_language_model: 12,
}
"""What is made, and how often."""


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.usefixtures("switching")
def test_a_seed_gives_the_same_bits_alone_and_in_company(make: Callable[[int], bytes]) -> None:
    alone = [make(seed) for seed in range(3)]
    assert len(set(alone)) == 3
    count = MAKERS[make]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda k: make(k % 3), range(count)))
    assert together == [alone[k % 3] for k in range(count)]


@pytest.mark.usefixtures("switching")
def test_different_models_in_different_threads_are_what_each_is_alone() -> None:
    makers = list(MAKERS)
    alone = [make(5) for make in makers]
    with ThreadPoolExecutor(len(makers)) as pool:
        together = [pool.submit(make, 5) for make in makers for _ in range(3)]
        assert [made.result() for made in together] == [b for b in alone for _ in range(3)]


@pytest.mark.parametrize("make", [network, language_model, created])
def test_a_seed_of_ones_own_changes_nobody_elses(make: Callable[[int], bytes]) -> None:
    lstm.set_seed(3)
    expected = [bits(small()) for _ in range(2)]
    lstm.set_seed(3)
    first = bits(small())
    make(5)
    in_thread(lambda: trained(6))
    assert [first, bits(small())] == expected


def test_loading_does_not_take_back_what_another_thread_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stop = tmp_path / "model.safetensors", Stop()
    lstm.Sequential([Input((2,)), Standing(), Dense(3)]).save(path)
    lstm.set_seed(3)
    expected = [bits(small()) for _ in range(2)]
    monkeypatch.setattr(Standing, "stop", staticmethod(stop))
    lstm.set_seed(3)
    with stop.standing(lambda: lstm.load_model(path, {"Standing": Standing})):
        first = bits(small())
    assert [first, bits(small())] == expected


def test_threads_without_a_seed_take_that_of_the_main_one_and_do_not_disturb_it() -> None:
    def run() -> tuple[bytes, bytes]:
        lstm.set_seed(4)
        other = in_thread(lambda: bits(small()))
        return bits(small()), other

    main, other = run()
    assert run() == (main, other)
    assert main != other
    lstm.set_seed(4)
    assert bits(small()) == main
