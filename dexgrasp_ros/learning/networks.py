"""The networks: what is seen becomes tokens, and links of a hand ask these where to go.

Attention is written out, so that ONNX has matrix products and nothing else.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dexgrasp_ros.learning.hand_tokens import ANCHORS, FEATURES, PHASES

STATE = 3 * PHASES * ANCHORS  # numbers of a link: its anchors at each phase


class Attention(nn.Module):
    """Multi-head attention (Vaswani and others 2017)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Let tokens x [B, N, D] look at tokens y [B, M, D]."""
        q, k, v = self._split(self.query(x)), self._split(self.key(y)), self._split(self.value(y))
        weights = torch.softmax(q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5), dim=-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Block(nn.Module):
    """Transformer block, normalized before each part; with or without a look at other tokens."""

    def __init__(self, width: int, heads: int, *, looks: bool) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3 if looks else 2))
        self.own = Attention(width, heads)
        self.other = Attention(width, heads) if looks else None
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        """Tokens x [B, G, K, D] of G hands each, that look at memory [B, T, D]; or x [B, K, D]."""
        shape = x.shape
        flat = x.flatten(0, -3)
        normal = self.norms[0](flat)
        x = (flat + self.own(normal, normal)).reshape(shape)
        if self.other is not None:
            asked = self.norms[2](x).flatten(1, 2)
            x = x + self.other(asked, memory).reshape(shape)
        return x + self.mlp(self.norms[1](x))


class SceneEncoder(nn.Module):
    """Groups of points and the table as tokens, by a small PointNet (Qi and others 2017)."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.points = nn.Sequential(
            nn.Linear(3, width // 2), nn.GELU(), nn.Linear(width // 2, width)
        )
        self.place, self.table = nn.Linear(6, width), nn.Linear(2, width)
        self.blocks = nn.ModuleList(Block(width, heads, looks=False) for _ in range(layers))

    def forward(self, groups: Tensor, centers: Tensor, table: Tensor) -> Tensor:
        """Tokens [B, T + 1, D] of groups [B, T, P, 3], centres [B, T, 6] and table [B, 2]."""
        tokens = self.points(groups).amax(dim=2) + self.place(centers)
        tokens = torch.cat([tokens, self.table(table)[:, None]], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens


class GraspFlow(nn.Module):
    """Where the anchors of hands on their way should end."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.state, self.link, self.time = (nn.Linear(n, width) for n in (STATE, FEATURES, 9))
        self.blocks = nn.ModuleList(Block(width, heads, looks=True) for _ in range(layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, STATE)

    def forward(self, state: Tensor, time: Tensor, features: Tensor, memory: Tensor) -> Tensor:
        """Return the ends [B, G, K, STATE] of states at [B, G], links [K, F], memory [B, T, D]."""
        waves = [
            f(torch.pi * k * time[..., None]) for k in (1, 2, 4, 8) for f in (torch.sin, torch.cos)
        ]
        clock = self.time(torch.cat([time[..., None], *waves], dim=-1))
        x = self.state(state) + self.link(features) + clock[:, :, None]
        for block in self.blocks:
            x = block(x, memory)
        return state + self.out(self.norm(x))


class GraspEvaluator(nn.Module):
    """Log odds that grasps hold."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.state, self.link = nn.Linear(STATE, width), nn.Linear(FEATURES, width)
        self.blocks = nn.ModuleList(Block(width, heads, looks=True) for _ in range(layers))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 1))

    def forward(self, state: Tensor, features: Tensor, memory: Tensor) -> Tensor:
        """Log odds [B, G] of grasps [B, G, K, STATE], for links [K, F] and memory [B, T, D]."""
        x = self.state(state) + self.link(features)
        for block in self.blocks:
            x = block(x, memory)
        return self.out(x.mean(dim=2))[..., 0]


class GraspNetworks(nn.Module):
    """All three: the encoder serves the others."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.encoder = SceneEncoder(width, heads, layers)
        self.flow = GraspFlow(width, heads, layers)
        self.evaluator = GraspEvaluator(width, heads, max(layers - 1, 1))
