"""emcee and blackjax as samplers that `benchmarks.speed.samplers` races; both are optional.

Both get the density in their own language, NumPy or JAX, in float64, and as many chains at once.
JAX compiles before the clock starts.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.speed.chains import (
    BLOCK,
    LENGTHS,
    Plan,
    Row,
    Run,
    Sampler,
    Setting,
    Target,
    half_accepted,
    measure,
    tune,
)

MISSING = ""  # what is not installed
try:
    import blackjax
    import emcee
    import jax
    from jax import numpy as jnp
except ImportError as error:
    MISSING = error.name or str(error)
else:
    jax.config.update("jax_enable_x64", True)


def check_installed() -> None:
    """Ends the command with what to do if a peer is not installed."""
    if MISSING:
        raise SystemExit(
            f"benchmarks.speed.samplers: {MISSING} is not installed. The peers are optional: "
            'pip install -c constraints.txt -e ".[bench]", or leave them out with --no-peers.'
        )


def density(target: Target, numpy: Any) -> Callable[[Any], Any]:
    """The target's log-density in `numpy`, NumPy or JAX's: (..., D) -> (...)."""
    variances, axes = numpy.asarray(target.variances), numpy.asarray(target.axes)
    if target.bend:

        def log_density(x: Any) -> Any:
            middle = target.bend * (x[..., 0] ** 2 - variances[0])
            return -(x[..., 0] ** 2 / variances[0] + (x[..., 1] - middle) ** 2) / 2

        return log_density
    return lambda x: -((x @ axes) ** 2 / variances).sum(-1) / 2


def stretch(target: Target) -> Sampler:
    """emcee's affine-invariant stretch move with its default a = 2, vectorised."""
    log_density = density(target, np)

    def sampler(setting: Setting, plan: Plan) -> Run:
        ensemble = emcee.EnsembleSampler(*plan.x.shape, log_density, vectorize=True)
        ensemble.random_state = np.random.RandomState(plan.seed).get_state()
        start = time.process_time()
        ensemble.run_mcmc(plan.x.numpy(), plan.steps // plan.thin, thin_by=plan.thin)
        seconds = time.process_time() - start
        draws = torch.from_numpy(ensemble.get_chain())
        return Run(draws, seconds, float(ensemble.acceptance_fraction.mean()), 1.0)

    return sampler


def compiled(target: Target, make: Callable[[Any, Any, Any], Any]) -> Sampler:
    """A kernel of blackjax, `make(log_density, step_size, length)`, for all chains at once.

    One program for `BLOCK` steps serves every setting, so that it is compiled only once.
    """
    log_density = density(target, jnp)

    @jax.jit
    def start_all(x: Any) -> Any:
        return jax.vmap(make(log_density, 1.0, 1).init)(x)

    @jax.jit
    def block(states: Any, step_size: Any, length: Any, key: Any) -> Any:
        kernel = make(log_density, step_size, length)

        def one(states: Any, key: Any) -> Any:
            states, info = jax.vmap(kernel.step)(jax.random.split(key, target.chains), states)
            told = (info.acceptance_rate.mean(), info.num_integration_steps.mean())
            return states, (states.position, *told)

        return jax.lax.scan(one, states, jax.random.split(key, BLOCK))

    def sampler(setting: Setting, plan: Plan) -> Run:
        draws, told = [], []
        states, here = start_all(jnp.asarray(plan.x.numpy())), (setting.step_size, setting.length)
        keys = jax.random.split(jax.random.key(plan.seed), plan.steps // BLOCK)
        block(states, *here, keys[0])[1][0].block_until_ready()  # compiled now, if not before
        start = time.process_time()
        for key in keys:
            states, (x, *rest) = block(states, *here, key)
            draws.append(np.array(x)[plan.thin - 1 :: plan.thin])
            told.append(rest)
        seconds = time.process_time() - start
        acceptance, evaluations = np.mean(told, axis=(0, 2))
        together = torch.from_numpy(np.concatenate(draws))
        return Run(together, seconds, float(acceptance), float(evaluations))

    return sampler


def measure_peers(target: Target, *, budget: float) -> list[Row]:
    """Rows of emcee's stretch move and of blackjax's HMC, of fixed length, and NUTS."""
    unit = jnp.ones(len(target.axes))
    hmc = compiled(target, lambda f, step_size, length: blackjax.hmc(f, step_size, unit, length))
    nuts = compiled(target, lambda f, step_size, length: blackjax.nuts(f, step_size, unit))
    half = half_accepted(hmc, target, length=LENGTHS[len(LENGTHS) // 2])
    of_hmc = tune(hmc, target, half=half, lengths=LENGTHS, pilot=budget / 10)
    of_nuts = tune(nuts, target, half=half, lengths=(1,), pilot=budget / 10)
    runs = {
        ("emcee", "stretch move"): (stretch(target), Setting()),
        ("blackjax", "HMC"): (hmc, of_hmc),
        ("blackjax", "NUTS"): (nuts, of_nuts),
    }
    return [
        measure(library, name, sampler, target, setting, budget=budget)
        for (library, name), (sampler, setting) in runs.items()
    ]
