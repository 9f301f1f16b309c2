"""What rfcore says on the way to an answer, to those who listen to the logger "rfcore"."""

import logging

import numpy as np
import pytest

import rfcore

# By hand: size 1 + 6 + 2·2, stride 2·2, offset as all symmetric padding gives it.
CHAIN = "conv 7 s2 p3, maxpool 3 s2 p1"
RESULT = "ReceptiveField(size=(11,), stride=(4,), offset=(0.5,), input_shape=(224,))"


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="rfcore")
    return caplog


def test_info_says_what_is_measured_and_what_came_out(heard):
    rfcore.estimate(CHAIN, input_shape=(224,))
    assert lines(heard, logging.INFO) == [
        "measuring a str with the backend layers: input NL of shape (1, 224), method exact, "
        "global paths: follow",
        f"the model's output: {RESULT}",
    ]


def test_each_output_has_its_line_and_its_notes(heard):
    rfcore.estimate("conv 3 p1, [skip | globalpool]*", input_shape=(9,), output=["0", "1"])
    first, note = lines(heard, logging.INFO)[1], lines(heard, logging.INFO)[3]
    assert first.startswith("0: ReceptiveField(size=(3,)")
    assert note.startswith("1: note: axis 0: every output sees all of it, because of")


def test_debug_shows_both_traces_how_they_compare_and_the_law(heard):
    rfcore.estimate(CHAIN, input_shape=(224,))
    asked, larger, compared, law = lines(heard, logging.DEBUG)
    assert asked == "traced input (1, 224): 3 nodes"
    assert larger == f"traced input (1, {224 + 6720}): 3 nodes"
    assert compared.endswith("same structure, repeats after 4 pixels")
    assert "Law(lows=(-5,), highs=(6,), period=1, shift=4" in law


def test_a_trace_that_stops_says_why(heard):
    with pytest.raises(rfcore.RfcoreError):
        rfcore.estimate("conv 9", input_shape=(5,))
    assert "until InputShapeError" in lines(heard, logging.DEBUG)[0]


def test_a_fitted_probe_shows_its_law(heard):
    rfcore.fit(lambda mask: np.repeat(mask, 4), input_shape=(64,), output_shape=(16,))
    (line,) = lines(heard, logging.DEBUG)
    assert line.startswith("axis 0: ")
    assert "Law(lows=(0,), highs=(4,), period=1, shift=4" in line


def test_nothing_is_said_or_written_out_unless_somebody_listens(caplog, monkeypatch):
    def written(self):
        raise AssertionError("a field was written out")

    monkeypatch.setattr(rfcore.ReceptiveField, "__repr__", written)
    rfcore.estimate(CHAIN, input_shape=(224,))
    assert not caplog.records


def test_no_handler_and_no_level_are_set():
    logger = logging.getLogger("rfcore")
    assert (logger.handlers, logger.level, logger.propagate) == ([], logging.NOTSET, True)
