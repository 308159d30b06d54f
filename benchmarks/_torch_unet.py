"""The U-Net of `neuraxis.generative.UNet` in PyTorch, layer by layer, in channels_last."""

import itertools
import math


def torch_unet(channels: int, width: int, multipliers: tuple[int, ...], heads: int = 4, groups: int = 8):
    """Make a network of (x, time) with as many weights as ours."""
    import torch

    nn, F = torch.nn, torch.nn.functional
    sizes, features = [width * m for m in multipliers], 4 * width

    class Block(nn.Module):
        def __init__(self, seen, out):
            super().__init__()
            self.first_norm, self.second_norm = nn.GroupNorm(groups, seen), nn.GroupNorm(groups, out)
            self.first, self.second = nn.Conv2d(seen, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1)
            self.time = nn.Linear(features, out)
            self.shortcut = nn.Identity() if seen == out else nn.Conv2d(seen, out, 1)

        def forward(self, x, e):
            h = self.first(F.silu(self.first_norm(x))) + self.time(e)[:, :, None, None]
            return self.second(F.silu(self.second_norm(h))) + self.shortcut(x)

    class Attention(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.norm, self.qkv, self.out = nn.GroupNorm(groups, size), nn.Linear(size, 3 * size), nn.Linear(size, size)

        def forward(self, x):
            n, c, h, w = x.shape
            places = self.norm(x).permute(0, 2, 3, 1).reshape(n, h * w, c)
            q, k, v = self.qkv(places).reshape(n, h * w, 3, heads, c // heads).permute(2, 0, 3, 1, 4)
            seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, h * w, c)
            return x + self.out(seen).reshape(n, h, w, c).permute(0, 3, 1, 2)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            pairs, deepest = list(itertools.pairwise(sizes)), sizes[-1]
            self.embed = nn.Sequential(nn.Linear(features, features), nn.SiLU(), nn.Linear(features, features))
            self.enter = nn.Conv2d(channels, width, 3, padding=1)
            self.down = nn.ModuleList(Block(c, c) for c in sizes)
            self.halve = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
            self.first, self.attention, self.second = (
                Block(deepest, deepest),
                Attention(deepest),
                Block(deepest, deepest),
            )
            self.up = nn.ModuleList(Block(2 * c, c) for c in sizes)
            self.enlarge = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1) for a, b in pairs)
            self.norm, self.leave = nn.GroupNorm(groups, width), nn.Conv2d(width, channels, 3, padding=1)

        def forward(self, x, time):
            rates = torch.exp(-math.log(10_000) * torch.arange(features // 2) / (features // 2))
            angles = 1000 * time[:, None] * rates
            e = F.silu(self.embed(torch.cat([angles.sin(), angles.cos()], 1)))
            h, kept = self.enter(x), []
            for level, block in enumerate(self.down):
                h = block(h, e)
                kept.append(h)
                if level < len(self.halve):
                    h = self.halve[level](h)
            h = self.second(self.attention(self.first(h, e)), e)
            for level in reversed(range(len(self.up))):
                h = self.up[level](torch.cat([h, kept[level]], 1), e)
                if level:
                    h = self.enlarge[level - 1](F.interpolate(h, scale_factor=2, mode="nearest"))
            return self.leave(F.silu(self.norm(h)))

    return Net().to(memory_format=torch.channels_last)
