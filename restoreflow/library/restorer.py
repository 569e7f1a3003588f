"""The restorer as scripts use it: models by name, pictures in any form, scores and certificates."""

from __future__ import annotations

import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from restoreflow.errors import UsageError
from restoreflow.flows.certificate import Certificate, certificate
from restoreflow.library.held import held_as, is_batch, joined
from restoreflow.local_files import read_regular
from restoreflow.models.folder import (
    CARD,
    CONFIG,
    FILES,
    WEIGHTS,
    ModelFolder,
    read_verified,
    save_folder,
)
from restoreflow.models.hub import PushedModel, push
from restoreflow.models.weights import parse
from restoreflow.restoration import restorer
from restoreflow.restoration.pixels import Picture, as_pixels
from restoreflow.restoration.restorer import open_model

if TYPE_CHECKING:
    from typing import Self

    from restoreflow.models.config import ModelConfig
    from restoreflow.networks.restoration_network import RestorationNetwork
    from restoreflow.ood.check import Check, Checker

__all__ = ["Restorer", "load_model"]


class Restorer(restorer.Restorer):
    """A model that restores pictures.

    >>> import torch, restoreflow
    >>> restorer = restoreflow.Restorer.from_pretrained("sr-x4", "cpu", precision="float32")
    >>> restorer
    Restorer(sr-x4: sr, scale 4, on cpu in float32)
    >>> batch = torch.rand(2, 3, 16, 16)
    >>> restorer(batch).shape
    torch.Size([2, 3, 64, 64])
    >>> restorer(batch, samples=3, temperature=0.8, seed=1).shape
    torch.Size([2, 3, 3, 64, 64])

    `from_pretrained` makes one of a model's name. Calling it restores pictures held in any form;
    `restore` one picture, with all that is known of its result; `restore_bands` one too large for
    the memory. `score` says beforehand how unlike the training pictures an input is, `certificate`
    what no input can exceed, `log_prob` how probable a result is.

    Attributes:
        network: a `torch.nn.Module`, in evaluation mode.
        config: what it is: name, task, scale, network, flow, defaults.
        device: where it works.
        source: the folder that it was loaded from; None for a network of one's own.
    """

    def __init__(
        self,
        network: RestorationNetwork,
        config: ModelConfig,
        device: torch.device | str = "cpu",
        precision: str = "float32",
        compile: bool = False,
        source: ModelFolder | None = None,
    ) -> None:
        super().__init__(network, config, device, precision, compile)
        self.source = source

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path | ModelFolder = "sr-x4",
        device: str = "auto",
        precision: str = "auto",
        compile: bool = False,
        threads: int | None = None,
    ) -> Self:
        """Load a model, ready to restore.

        >>> import restoreflow
        >>> restoreflow.Restorer.from_pretrained("sr-x2", device="cpu").config.scale
        2

        Args:
            name: a bundled model (`list_models`), a folder, or a Hub id `owner/name[@revision]`.
            device: "auto", "cpu", "cuda", "cuda:i" or "mps".
            precision: what convolutions compute in: "float32"; "bfloat16" or "float16", of which a
                tile that fails is done again in float32; "auto": bfloat16 on a CPU that has it in
                hardware, which moves a result by .001 dB, else float32. The report says which.
            compile: compile the network with torch.compile; pays from some pictures on.
            threads: CPU threads, for the whole process; None leaves PyTorch's setting.

        Raises:
            UsageError: a device, precision or number of threads that does not exist.
            RestoreflowError: that device is not available.
            ModelError: the model is missing or damaged, or cannot be downloaded.
        """
        opened = open_model(name, device, threads)
        return cls(opened.network, opened.config, opened.device, precision, compile, opened.folder)

    def __repr__(self) -> str:
        what = f"{self.config.name}: {self.config.task}, scale {self.network.scale}"
        return f"{type(self).__name__}({what}, on {self.device} in {self.precision})"

    def __call__(self, images: Any, samples: int | None = None, **options: Any) -> Any:
        """Restore pictures and hold the results as the pictures were held.

        Pictures of a batch are restored one after another, each as it would be alone, byte for
        byte, from the same seed: sample k of every picture is of the same latents. For different
        ones give each picture its own `seed`, one call each.

        >>> import numpy as np, restoreflow
        >>> from PIL import Image
        >>> restorer = restoreflow.Restorer.from_pretrained("sr-x4", device="cpu")
        >>> restorer(np.zeros((16, 24), np.uint8)).shape  # gray stays gray
        (64, 96)
        >>> [image.size for image in restorer([Image.new("RGB", (16, 12))], temperature=0)]
        [(64, 48)]

        Args:
            images: a picture as `restore` takes it, a batch as tensor (N, 3, h, w) or (N, 1, h, w)
                or as array (N, h, w, 3) or (N, h, w, 1), or a list of any of these.
            samples: how many of each; None: one, without an axis of its own.
            options: temperature, seed, consistency, exposure, wear, tile, size; see `restore`.

        Returns:
            for tensors, tensors of their dtype on their device, in [0, 1] or 0 .. 255; for arrays,
            arrays of their dtype; for paths and PIL images, PIL images; for a list, a list. Of a
            gray picture gray ones. With `samples`, one more axis, or a list, right before the
            picture's own: (N, samples, 3, H, W).

        Raises:
            UsageError: an option is out of its range, or not for this model.
            InputError: one is no picture.
            LimitError: not enough memory.
        """
        if isinstance(images, list | tuple):
            return [self(each, samples, **options) for each in images]
        if is_batch(images):
            for each in images:
                as_pixels(each)  # before any work, so that none is lost for a later one
            return joined([self._held(each, samples, options) for each in images])
        return self._held(images, samples, options)

    def score(self, image: Picture) -> Check:
        """Judge a picture before it is restored: how unlike, how likely artifacts, which defects.

        >>> import torch, restoreflow
        >>> restorer = restoreflow.Restorer.from_pretrained("sr-x4", device="cpu")
        >>> noise = restorer.score(torch.rand(3, 64, 64))
        >>> noise.flagged, noise.rank  # of 100 training photographs, how many are less unlike
        (True, 100.0)
        >>> noise.score.energies.shape  # the map, a value a cell of 4 x 4 output pixels
        (64, 64)

        Args:
            image: as `restore` takes it.

        Raises:
            ModelError: the model comes without the statistics that this takes.
            InputError: it is no picture.
            LimitError: not enough memory.
        """
        quality = None
        if isinstance(image, str | Path):
            from restoreflow.images.decode import decode

            picture = decode(image)
            image, quality = picture.pixels, picture.jpeg_quality
        pixels = as_pixels(image).permute(1, 2, 0).numpy()
        return self._checker.check(pixels, quality=quality)

    def certificate(self, temperature: float = 1.0) -> Certificate:
        """What no input whatever can exceed, proven from the weights alone.

        >>> import restoreflow
        >>> bounds = restoreflow.Restorer.from_pretrained("sr-x4", device="cpu").certificate()
        >>> bounds.finite, bounds.after_limiter, bounds.image_range
        (True, 0.5, (-0.5, 1.5))
        >>> affine = restoreflow.Restorer.from_pretrained("sr-x4-affine", device="cpu")
        >>> affine.certificate().finite  # affine couplings promise nothing
        False

        Args:
            temperature: the bounds hold at this temperature and below.

        Raises:
            UsageError: the temperature is negative or not finite.
        """
        try:
            return certificate(self.network, temperature)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def save_pretrained(self, path: str | Path, card: str | None = None) -> Path:
        """Write the model as a folder that `from_pretrained` reads; whole or not at all.

        A model that stands there is replaced. Statistics and figures go along where the weights are
        as they were loaded; where they were changed they are left out, being of other weights.

        >>> import tempfile, restoreflow
        >>> restorer = restoreflow.Restorer.from_pretrained("sr-x4", device="cpu")
        >>> with tempfile.TemporaryDirectory() as place:
        ...     folder = restorer.save_pretrained(f"{place}/mine")
        ...     again = restoreflow.Restorer.from_pretrained(folder, device="cpu")
        >>> again.config == restorer.config
        True

        Args:
            path: the folder.
            card: the text of its README.md, as `restoreflow.models.card.write_card` gives it;
                needed where the weights are not those that were loaded.

        Returns:
            the folder's path.

        Raises:
            UsageError: a card is needed.
            ModelError: the weights are not finite, or a rotation is not orthogonal.
            OutputError: the folder holds other things than a model, or cannot be written.
        """
        folder, extras = self.source, {}
        if folder is not None and self._is_as_loaded(folder):
            for name in set(FILES) - {CONFIG, WEIGHTS, CARD}:
                if (folder.path / name).is_file():
                    extras[name] = _bytes_of(folder, name)
            if card is None and (folder.path / CARD).is_file():
                card = read_regular(folder.path / CARD).decode()
        if card is None:
            raise UsageError(
                f"the weights of {self.config.name} have no card of their own",
                "say what they are: card=..., see restoreflow.models.card.write_card",
            )
        save_folder(Path(path), self.config, self.network, card, extras)
        return Path(path)

    def push_to_hub(
        self, name: str, private: bool = False, token: str | None = None, card: str | None = None
    ) -> PushedModel:
        """Verify the model and upload it to the Hub; the repository is made where there is none.

        Args:
            name: `owner/name`.
            private: for a repository that is made now.
            token: instead of HF_TOKEN or the stored login.
            card: as of `save_pretrained`.

        Returns:
            its repo, url and revision.

        Raises:
            UsageError: a card is needed.
            ModelError: the model does not verify, or the Hub refuses.
        """
        with tempfile.TemporaryDirectory() as place:
            folder = self.save_pretrained(Path(place, self.config.name), card)
            return push(folder, name, private, token)

    def _held(self, image: Picture, samples: int | None, options: dict[str, Any]) -> Any:
        """One picture restored."""
        seen, gray = image, False
        if isinstance(image, str | Path):
            from restoreflow.images.decode import decode

            picture = decode(image)
            seen, gray = picture.pixels, picture.grayscale
        result = self.restore(seen, samples=1 if samples is None else samples, **options)
        held = held_as(image, result, gray)
        return held[0] if samples is None else joined(held)

    @cached_property
    def _checker(self) -> Checker:
        from restoreflow.ood.check import Checker
        from restoreflow.ood.reference import read_reference

        if self.source is None:
            raise UsageError(
                f"{self.config.name} was not loaded from a folder: it cannot judge inputs",
                "save it, fit it (restoreflow fit-ood), and load it",
            )
        return Checker(self.network, read_reference(self.source), model=self.config.name)

    def _is_as_loaded(self, folder: ModelFolder) -> bool:
        """Whether the weights are those of the folder."""
        known = parse(read_verified(folder, WEIGHTS), str(folder.path / WEIGHTS))
        own = self.network.state_dict()
        return known.keys() == own.keys() and all(
            torch.equal(value.detach().cpu(), known[name]) for name, value in own.items()
        )


def load_model(
    name: str | Path | ModelFolder = "sr-x4",
    device: str = "auto",
    precision: str = "auto",
    compile: bool = False,
    threads: int | None = None,
) -> Restorer:
    """Load a model, ready to restore: `Restorer.from_pretrained` by another name.

    >>> import restoreflow
    >>> restoreflow.load_model("sr-x4", device="cpu", precision="float32")
    Restorer(sr-x4: sr, scale 4, on cpu in float32)
    """
    return Restorer.from_pretrained(name, device, precision, compile, threads)


def _bytes_of(folder: ModelFolder, name: str) -> bytes:
    if name.endswith(".safetensors"):
        return read_verified(folder, name)
    return read_regular(folder.path / name)
