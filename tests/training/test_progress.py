"""What an interrupt leaves behind: a whole model and its history; and what was to come next does not come."""

import os
import signal
import threading

import pytest
from players import Regulariser, Scripted, model, same, x
from torch.optim import SGD

from coursekit import training


def test_nothing_is_written_to_the_screen_where_nobody_watches(capfd):
    training.fit(model(), x(), steps=3)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_a_progress_bar_goes_to_stdout_and_leaves_an_empty_line(capfd):
    training.fit(model(), x(), steps=3, progress=True)
    out, err = capfd.readouterr()
    assert err == ""
    assert "3" in out
    assert out.split("\r")[-1].strip() == ""
    with pytest.raises(ValueError, match="progress"):
        training.fit(model(), x(), steps=1, progress="sometimes")


def press_stop():
    os.kill(os.getpid(), signal.SIGINT)


def stopped(m, **how):
    """The history of a training that is stopped, and whether its last step was taken as a whole."""
    with pytest.raises(training.Interrupted) as caught:
        training.fit(m, x(), **how)
    assert caught.value.__cause__ is None
    return caught.value.history, caught.value.whole


def test_ctrl_c_ends_training_after_the_step_at_hand():
    reference, stopped = model(), model()
    training.fit(reference, x(), steps=4)

    def stop(step, terms):
        if step == 4:
            press_stop()

    with pytest.raises(training.Interrupted, match=r"4 of 100 steps. The model is whole") as caught:
        training.fit(stopped, x(), steps=100, along=[stop])
    history = caught.value.history
    assert history.interrupted
    assert caught.value.whole
    assert history.steps == len(history["loss"]) == 4
    assert same(reference, stopped)
    assert stopped.training
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert training.fit(stopped, x(), steps=2).steps == 2  # it can go on


def test_who_waits_for_a_keyboard_interrupt_gets_it():
    """A notebook's queue, a script and `coursekit` know this kind alone."""
    with pytest.raises(KeyboardInterrupt):
        training.fit(model(), x(), steps=9, along=[lambda step, terms: press_stop()])


def test_an_interrupt_within_a_step_lets_the_step_finish():
    def script(m, step):
        if step == 2:
            press_stop()
        yield "model", {"loss": m.weight}

    m = Scripted(script)
    history, whole = stopped(m, steps=50, optimizers={"model": lambda p: SGD(p, 0.25)})
    assert (history.steps, m.weight.item(), whole) == (2, 0.5, True)


def test_a_second_ctrl_c_does_not_wait_for_the_step():
    def script(m, step):
        press_stop()
        press_stop()
        yield "model", {"loss": m.weight}

    m = Scripted(script)
    history, whole = stopped(m, steps=50)
    assert (history.steps, m.weight.item(), whole) == (0, 1.0, False)


def test_an_interrupt_raised_by_a_callback_keeps_model_and_history():
    def stop(step, terms):
        if step == 3:
            raise KeyboardInterrupt

    m = Regulariser()
    m.eval()
    history, _ = stopped(m, steps=10, along=[stop])
    assert history.interrupted
    assert history.steps == 3
    assert "interrupted" in repr(history)
    assert not m.training


def test_training_in_another_thread_leaves_signals_alone():
    results = []
    thread = threading.Thread(target=lambda: results.append(training.fit(model(), x(), steps=3)))
    thread.start()
    thread.join()
    assert results[0].steps == 3
