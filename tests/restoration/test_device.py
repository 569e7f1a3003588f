"""A device is what was asked for, or an error."""

from __future__ import annotations

import pytest
import torch

from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.restoration.engine import choose_device


def test_the_cpu_is_always_there():
    assert choose_device("cpu") == (torch.device("cpu"), "as asked for")


def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU number {index}")


def test_without_a_gpu_auto_is_the_cpu_and_says_why(monkeypatch):
    no_gpu(monkeypatch)
    device, reason = choose_device("auto")
    assert device == torch.device("cpu")
    assert "finds no GPU" in reason


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_a_device_asked_for_is_never_replaced(monkeypatch, name):
    no_gpu(monkeypatch)
    with pytest.raises(RestoreflowError, match=f"device {name} is not available") as caught:
        choose_device(name)
    assert caught.value.exit_code == 1
    assert "--device cpu" in caught.value.hint


def test_gpus_are_named(monkeypatch):
    two_gpus(monkeypatch)
    assert choose_device() == (torch.device("cuda", 0), "the first CUDA device, GPU number 0")
    assert choose_device("cuda:1")[0] == torch.device("cuda", 1)
    with pytest.raises(RestoreflowError, match="CUDA devices here: 2"):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "CPU", "cuda:-1"])
def test_other_words_are_usage_errors(name):
    with pytest.raises(UsageError, match="is no device"):
        choose_device(name)
