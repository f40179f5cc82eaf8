"""Weights go to GPT-2 and back, and its logits are ours."""

import re

import pytest
import torch
from torch.nn.functional import gelu, layer_norm
from torch.testing import assert_close

from coursepkg.nets.gpt2 import from_gpt2, to_gpt2
from coursepkg.nets.transformer import gpt

SIZES = {"symbols": 11, "context": 7, "width": 12, "heads": 3, "depth": 2}


def ours(generator):
    net = gpt(**SIZES, generator=generator)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.2)
    return net.eval()


def by_name(state, y):
    """GPT-2 from its paper, reading the weights by the names and shapes that it gave them."""
    w = {key.removeprefix("transformer."): value for key, value in state.items()}

    def norm(x, name):
        return layer_norm(x, (12,), w[f"{name}.weight"], w[f"{name}.bias"])

    def conv(x, name):
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["wte.weight"][y] + w["wpe.weight"][: y.shape[1]]
    future = torch.ones(y.shape[1], y.shape[1]).triu(1).bool()
    for n in range(2):
        q, k, v = (
            part.view(*y.shape, 3, 4).transpose(1, 2)
            for part in conv(norm(x, f"h.{n}.ln_1"), f"h.{n}.attn.c_attn").split(12, 2)
        )
        fits = (q @ k.mT / 2).masked_fill(future, -torch.inf).softmax(-1)
        seen = (fits @ v).transpose(1, 2).reshape(*y.shape, 12)
        x = x + conv(seen, f"h.{n}.attn.c_proj")
        hidden = gelu(conv(norm(x, f"h.{n}.ln_2"), f"h.{n}.mlp.c_fc"), approximate="tanh")
        x = x + conv(hidden, f"h.{n}.mlp.c_proj")
    return norm(x, "ln_f") @ w["lm_head.weight"].T


def test_the_weights_under_their_names_make_gpt2(generator):
    """Kills: a map not transposed, the norms swapped, the two embeddings swapped."""
    net, y = ours(generator), torch.randint(11, (4, 7), generator=generator)
    assert_close(by_name(to_gpt2(net.state_dict()), y), net(y), rtol=1e-4, atol=1e-5)


def test_there_and_back_is_the_identity_on_copies(generator):
    """Kills: a name twice, tensors shared with the caller."""
    state = ours(generator).state_dict()
    there = to_gpt2(state)
    back = from_gpt2(there)
    assert back.keys() == state.keys()
    for key, value in back.items():
        assert torch.equal(value, state[key]), key
    places = [{x.data_ptr() for x in each.values()} for each in (state, there, back)]
    assert not places[0] & places[1]
    assert not places[1] & places[2]


def test_a_missing_weight_is_named(generator):
    """Kills: a KeyError from inside, depth 0 taken for a network."""
    state = to_gpt2(ours(generator).state_dict())
    del state["transformer.h.1.attn.c_proj.bias"]
    with pytest.raises(ValueError, match=r"GPT-2, got none named transformer.h.1.attn.c_proj.bias"):
        from_gpt2(state)
    with pytest.raises(ValueError, match=re.escape("weights of gpt, got none named embed.weight")):
        to_gpt2({})


def test_scores_of_other_vectors_are_refused(generator):
    """Kills: an untied model that is read as a tied one; a missing head that is missed."""
    state = to_gpt2(ours(generator).state_dict())
    with pytest.raises(ValueError, match=r"expected lm_head.weight to be the embedding, got other"):
        from_gpt2({**state, "lm_head.weight": state["lm_head.weight"] + 1})
    del state["lm_head.weight"]
    from_gpt2(state)


def test_hugging_faces_gpt2_has_our_logits(generator):
    """A peer, at random weights, both ways. Kills: another GELU, another ε of the norms."""
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        n_layer=2, n_head=3, n_embd=12, vocab_size=11, n_positions=7, bos_token_id=10,
        eos_token_id=10, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        theirs = transformers.GPT2LMHeadModel(config).eval()
    y = torch.randint(11, (4, 7), generator=generator)
    net = ours(generator)
    net.load_state_dict(from_gpt2(theirs.state_dict()))
    assert_close(net(y), theirs(y).logits, rtol=1e-4, atol=1e-5)
    other = ours(generator)
    theirs.load_state_dict(to_gpt2(other.state_dict()))
    assert_close(other(y), theirs(y).logits, rtol=1e-4, atol=1e-5)
