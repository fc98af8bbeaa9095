"""Losses and gradients that are not finite, noticed without making the device wait."""

import torch
from torch import Tensor, nn

_STEPS_BETWEEN_LOOKS = 16  # each look makes the host wait for the device


class TrainingDivergedError(RuntimeError):
    """A loss or a gradient is not finite any more; the message names the step and the tensor."""


class FiniteCheck:
    """Keeps any update from being made whose loss or gradients are not finite, or any behind it.

    On a CPU, where looking costs nothing, the error comes at once; elsewhere within 16 steps, with
    the weights as they were before that update.
    """

    def __init__(self, device: torch.device) -> None:
        self._is_free = device.type == "cpu"
        self._is_broken = torch.zeros((), device=device)
        self._seen: list[tuple[int, str, list[str], Tensor]] = []

    def add(self, step: int, update: str, loss: Tensor, network: nn.Module) -> Tensor:
        """Look at the loss and the gradients of `update`; return 1 (0-d) if it may not be made.

        Raises:
            TrainingDivergedError: something was not finite.
        """
        found = [(n, p.grad) for n, p in network.named_parameters() if p.grad is not None]
        norms = torch._foreach_norm([gradient for _, gradient in found])
        is_finite = torch.stack([loss.float(), *(norm.float() for norm in norms)]).isfinite()
        names = ["the loss", *(f"the gradient of {name}" for name, _ in found)]
        self._seen.append((step, update, names, is_finite))
        self._is_broken = torch.maximum(self._is_broken, (~is_finite.all()).float())
        if self._is_free or step - self._seen[0][0] >= _STEPS_BETWEEN_LOOKS:
            self.raise_if_broken()
        return self._is_broken

    def raise_if_broken(self) -> None:
        """Look at everything since the last look.

        Raises:
            TrainingDivergedError: naming the step, the update and the tensor.
        """
        seen, self._seen = self._seen, []
        if not float(self._is_broken):
            return
        for step, update, names, is_finite in seen:
            culprits = [
                name for name, good in zip(names, is_finite.tolist(), strict=True) if not good
            ]
            if culprits:
                raise TrainingDivergedError(
                    f"StyleGAN2 training stopped before the {update} update of step {step}, "
                    f"because {culprits[0]} is not finite ({len(culprits)} such tensors); go on "
                    "from the last snapshot with a lower learning rate or a higher r1_gamma."
                )
