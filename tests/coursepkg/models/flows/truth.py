"""What every transform must be: undone by its inverse, with the determinant of its own Jacobian."""

import torch
from torch import Tensor
from torch.testing import assert_close


def log_dets(transform, x: Tensor) -> Tensor:
    """log |det ∂z/∂x| of each row, (B,), by autograd."""
    rows = []
    for row in x:
        z = torch.autograd.functional.jacobian(lambda y: transform.encode(y[None])[0][0], row)
        rows.append(torch.linalg.slogdet(z).logabsdet)
    return torch.stack(rows)


def check_transform(transform, x: Tensor, *, inverse: float = 1e-9) -> None:
    """The log-determinant to 1e-10, the way back to `inverse`; x is not changed."""
    before = x.clone()
    z, log_det = transform.encode(x)
    assert z.shape == x.shape
    assert log_det.shape == (len(x),)
    assert_close(log_det.detach(), log_dets(transform, x), atol=1e-10, rtol=0)
    assert_close(transform.decode(z).detach(), x, atol=inverse, rtol=0)
    assert_close(transform.encode(transform.decode(x))[0].detach(), x, atol=inverse, rtol=0)
    assert torch.equal(x, before)


def pressed(net, generator):
    """Weights of a `ContractiveMLP` far above the bound and aligned, so that the bound is met."""
    with torch.no_grad():
        for layer in net.layers:
            W = layer.linear.weight
            W.copy_(5 * torch.eye(*W.shape) + torch.randn(W.shape, generator=generator))
    return net


def shaken(module, generator, *, by: float = 0.5):
    """Weights away from any start at zero."""
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=by)
    return module
