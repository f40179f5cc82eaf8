"""The letters of a formula are found, and nothing else is taken for one."""

import pytest

from tools.tex import leading, symbols


@pytest.mark.parametrize(
    ("formula", "letters"),
    [
        ("x + 2y", "x y"),
        (r"\theta \varepsilon\ell", r"\theta \varepsilon \ell"),
        (r"\etaq", ""),
        (r"x_i^n W_{ij}^{\top} \sum_{k=1}^K", "x i n W i j k K"),
        (r"\log \bigl( \frac{a}{b} \bigr) \dots \propto \to \leftarrow", "a b"),
        (r"\text{if} \mathrm{KL}(p) \operatorname{tr} \operatorname*{argmax}_x \textbf{b}", "p x"),
        (r"\begin{aligned} a &= b \\[2pt] c \\ d \end{aligned}", "a b c d"),
        (r"\begin{array}{lcr|l} a \end{array} \tag{x} \label{y-z}", "a"),
        (r"\mathcal{D} \mathcal L \mathbf{x} \mathbb{1} \boldsymbol\theta",
         r"\mathcal{D} \mathcal{L} \mathbf{x} \mathbb{1} \boldsymbol{\theta}"),
        (r"\int f(x)\, dx \int d\theta \frac{d}{dt} \frac{df}{d\mu}", r"f x x \theta t f \mu"),
        (r"x_{dk} x_d d_t \sum_d^{d} 2d (d)", "x d k x d d t d d d d"),
        (r"{x}^2", "x"),
    ],
)  # fmt: skip
def test_letters(formula: str, letters: str):
    """Kills: names, environments, words or the d of dx are letters; subscripts are not."""
    assert [str(symbol) for symbol in symbols(formula)] == letters.split()


@pytest.mark.parametrize(
    ("formula", "first"),
    [
        (r"\hat x", r"\hat x"),
        (r"\hat{x}_i", r"\hat x"),
        (r"\widehat{x}", r"\hat x"),
        (r"\bar{\mathbf{x}}", r"\bar \mathbf{x}"),
        (r"\tilde\mu", r"\tilde \mu"),
        (r"\dots", ""),
        ("x'", "x'"),
        (r"x_i^\prime", "x'"),
        ("x''", "x''"),
        ("x^*", "x^*"),
        ("x^{*}_j", "x^*"),
        ("x^{(t+1)}", "x^{(t+1)}"),
        ("x_{ij}^{(1)}", "x^{(1)}"),
        (r"n_\text{eff}", r"n_\text{eff}"),
        (r"n_{\text{eff}}", r"n_\text{eff}"),
        ("x_i^2", "x"),
        ("x^{2}", "x"),
        (r"\mathrm{KL}(p)", ""),
        ("", ""),
    ],
)
def test_accents_and_marks_of_the_first_letter(formula: str, first: str):
    """Kills: a power or an index marks a letter; two spellings of one symbol are two."""
    assert str(leading(formula) or "") == first
