"""The processes that share each batch; one process alone is a team of one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed
from torch import Tensor


@dataclass(frozen=True)
class Team:
    """Which share of a batch is this process's, and how results come together.

    Every process draws the same numbers for the whole batch and works on its own rows, so that a
    team computes what one process would, up to the order of sums.
    """

    rank: int = 0
    size: int = 1

    def share(self, x_N: Tensor, group: int = 1) -> Tensor:
        """Return this process's rows of a batch, whole minibatch groups at a time.

        Image i belongs to group i modulo N / `group` (see `minibatch_deviation`).
        """
        if self.size == 1:
            return x_N
        grouped = x_N.reshape(group, -1, *x_N.shape[1:])
        return grouped[:, self.rank :: self.size].flatten(0, 1)

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the team, in one exchange."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().flatten().float() for tensor in tensors])
        torch.distributed.all_reduce(flat)
        means = torch.split(flat / self.size, [tensor.numel() for tensor in tensors])
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.copy_(mean.view_as(tensor))

    def average_numbers(self, numbers: dict[str, float]) -> dict[str, float]:
        """Return the mean of each number over the team."""
        if self.size == 1:
            return numbers
        where = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
        values = torch.tensor(list(numbers.values()), dtype=torch.float64, device=where)
        torch.distributed.all_reduce(values)
        return dict(zip(numbers, (values / self.size).tolist(), strict=True))
