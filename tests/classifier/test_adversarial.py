"""Perturbations of embeddings, the loss, and the training step that uses both."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from moddefense.classifier.adversarial import (
    PERTURBATIONS,
    ascend,
    divergence,
    fgm,
    fgsm,
    masked_cross_entropy,
)
from moddefense.classifier.step import make_step
from moddefense.recipe import METHODS, AdversarialKeys

SEED = tf.constant([1, 2], tf.int32)
IDS = np.array([[3, 9, 1, 4, 0], [8, 7, 0, 0, 0], [5, 0, 0, 0, 0]], np.int32)
MASK = tf.cast(IDS != 0, tf.float32)
LABELS = np.array([[1, 0], [0, 0], [1, 1]], np.float32)


def lengths_of(shift):
    """L2 norm of each text's perturbation over its whole sequence, in float64."""
    return np.sqrt((np.asarray(shift, np.float64) ** 2).sum(axis=(1, 2)))


@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 3),
    time=st.integers(1, 6),
    exponent=st.integers(-25, 30),
    epsilon=st.just(0.0) | st.floats(1e-6, 100),
    method=st.sampled_from(["fgm", "random"]),
)
def test_the_norm_over_the_whole_sequence_is_epsilon_and_padding_gets_none(
    seed, batch, time, exponent, epsilon, method
):
    generator = np.random.Generator(np.random.PCG64(seed))
    gradient = (generator.normal(size=(batch, time, 3)) * 10.0**exponent).astype(np.float32)
    lengths = generator.integers(0, time + 1, batch)
    mask = (np.arange(time) < lengths[:, None]).astype(np.float32)
    shift = PERTURBATIONS[method](tf.constant(gradient), tf.constant(mask), epsilon, SEED).numpy()
    assert np.isfinite(shift).all()
    assert not shift[mask == 0].any()
    np.testing.assert_allclose(lengths_of(shift), np.where(lengths > 0, epsilon, 0), rtol=1e-5)


@given(epsilon=st.floats(0.01, 10), scale=st.sampled_from([1e-20, 1e-3, 1.0, 1e20]))
def test_fgm_points_along_the_gradient(epsilon, scale):
    gradient = np.random.Generator(np.random.PCG64(0)).normal(size=(3, 5, 4)).astype(np.float32)
    shift = fgm(tf.constant(gradient * np.float32(scale)), MASK, epsilon, SEED).numpy()
    masked = gradient * MASK.numpy()[..., None]
    expected = epsilon * masked / np.sqrt((masked**2).sum(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(shift, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1e-38, 1e-45])
def test_next_to_no_gradient_is_no_number_that_is_none(value):
    shift = fgm(tf.fill([1, 5, 4], value), MASK[:1], 2.0, SEED).numpy()
    assert np.isfinite(shift).all()
    assert lengths_of(shift)[0] <= 2.0 * (1 + 1e-6)
    if value == 0:
        assert not shift.any()


def test_fgsm_moves_each_value_by_epsilon_where_the_gradient_points():
    gradient = np.random.default_rng(1).normal(size=(2, 5, 4)).astype(np.float32)
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.float32)
    shift = fgsm(tf.constant(gradient), tf.constant(mask), 0.25, SEED).numpy()
    np.testing.assert_array_equal(shift, 0.25 * np.sign(gradient) * mask[..., None])


@given(
    start=st.floats(0, 5), step=st.floats(0, 5), epsilon=st.floats(0, 5), seed=st.integers(0, 99)
)
def test_ascending_never_leaves_the_ball(start, step, epsilon, seed):
    generator = np.random.default_rng(seed)
    shift, gradient = (generator.normal(size=(2, 5, 4)).astype(np.float32) for _ in range(2))
    mask = np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]], np.float32)
    moved = ascend(
        tf.constant(start * shift), tf.constant(gradient), tf.constant(mask), epsilon, step
    ).numpy()
    assert (np.sqrt((moved**2).sum(axis=(1, 2))) <= epsilon * (1 + 1e-5) + 1e-7).all()
    assert (moved[0, 2:] == 0).all()


@given(seed=st.integers(0, 99), spread=st.floats(0.01, 30))
def test_divergence_is_zero_from_itself_and_never_negative(seed, spread):
    generator = np.random.default_rng(seed)
    clean, other = (generator.normal(0, spread, (3, 2)).astype(np.float32) for _ in range(2))
    assert float(divergence(clean, clean)) == pytest.approx(0, abs=1e-6)
    found = float(divergence(clean, other))
    a, b = clean.astype(np.float64), other.astype(np.float64)
    yes, no = (np.logaddexp(0, -sign * b) - np.logaddexp(0, -sign * a) for sign in (1, -1))
    share = np.exp(-np.logaddexp(0, -a))
    assert found == pytest.approx(np.mean(share * yes + (1 - share) * no), rel=1e-3, abs=1e-5)
    assert found >= -1e-6


def test_a_random_direction_is_fixed_by_its_seed():
    zeros = tf.zeros([3, 5, 4])
    one, same, other = (
        PERTURBATIONS["random"](zeros, MASK, 1.0, seed) for seed in (SEED, SEED, SEED + 1)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one[0], one[1])


# The loss


def test_the_loss_is_the_mean_over_the_known_labels():
    labels = np.array([[1, np.nan], [0, 1]], np.float32)
    logits = np.array([[2.0, 9.0], [1.0, -1.0]], np.float32)
    expected = np.mean([np.log1p(np.exp(-2)), np.log1p(np.exp(1)), np.log1p(np.exp(1))])
    assert float(masked_cross_entropy(labels, logits)) == pytest.approx(expected, rel=1e-6)


def test_unknown_labels_have_no_gradient_and_knowing_nothing_is_no_loss():
    for labels in ([[np.nan, 1.0]], [[np.nan, np.nan]]):
        logits = tf.Variable([[100.0, 0.0]])
        with tf.GradientTape() as tape:
            loss = masked_cross_entropy(tf.constant(labels, tf.float32), logits)
        gradient = tape.gradient(loss, logits).numpy()
        assert np.isfinite(gradient).all()
        assert gradient[0, 0] == 0
    assert float(loss) == 0


# Against a second implementation in float64


def reference_loss(network, embedded, mask, labels):
    """Clean loss of embeddings ``[batch, time, width]``, in float64 and plain numpy."""
    kernel, bias = (np.asarray(v, np.float64) for v in network.encoder.trainable_variables)
    head = network.head
    w_in, b_in, w_out, b_out = (
        np.asarray(v, np.float64) for v in (head.kernel_in, head.bias_in, head.kernel_out,
                                            head.bias_out)
    )  # fmt: skip
    side, time = len(kernel) // 2, embedded.shape[1]
    padded = np.pad(embedded, ((0, 0), (side, side), (0, 0)))
    features = bias + sum(padded[:, k : k + time] @ kernel[k] for k in range(len(kernel)))
    features = np.maximum(features, 0) * mask[..., None]
    mean = features.sum(axis=1) / np.maximum(mask.sum(axis=1), 1)[:, None]
    pooled = np.concatenate([features.max(axis=1), mean], axis=1)
    logits = np.maximum(pooled @ w_in + b_in, 0) @ w_out + b_out
    known = ~np.isnan(labels)
    targets = np.where(known, labels, 0)
    return (np.logaddexp(0, logits) - targets * logits)[known].mean()


def test_the_adversary_goes_where_a_finite_difference_says(make_network):
    network = make_network()
    labels = np.array([[1, 0], [0, np.nan], [1, 1]], np.float32)
    embedded, mask = network.embed(IDS), MASK.numpy().astype(np.float64)
    with tf.GradientTape() as tape:
        tape.watch(embedded)
        loss = masked_cross_entropy(labels, network.classify(embedded, MASK))
    direction = fgm(tape.gradient(loss, embedded), MASK, 1.0, SEED).numpy().astype(np.float64)

    point = embedded.numpy().astype(np.float64)
    assert float(loss) == pytest.approx(reference_loss(network, point, mask, labels), rel=1e-5)
    slope, step = np.zeros_like(point), 1e-6
    for index in np.argwhere(mask > 0):
        for unit in range(point.shape[2]):
            at = (*index, unit)
            up, down = point.copy(), point.copy()
            up[at] += step
            down[at] -= step
            slope[at] = (
                reference_loss(network, up, mask, labels)
                - reference_loss(network, down, mask, labels)
            ) / (2 * step)
    norm = np.sqrt((slope**2).sum(axis=(1, 2), keepdims=True))
    assert (norm > 0).all()
    np.testing.assert_allclose(direction, slope / norm, atol=2e-4)

    # Climbing a little along it raises the loss by the norm of the slope.
    epsilon = 1e-4
    climbed = reference_loss(network, point + epsilon * direction, mask, labels)
    gained = (climbed - reference_loss(network, point, mask, labels)) / epsilon
    assert gained == pytest.approx(norm.sum(), rel=1e-2)


# The training step


def run_step(network, *, labels=LABELS, ids=IDS, rate=0.0, **settings):
    """Loss of one step, and what plain descent took from each weight (the gradient at rate 1)."""
    optimizer = keras.optimizers.SGD(rate)
    before = [v.numpy() for v in network.trainable_variables]
    settings = {"method": "fgm", "epsilon": 0.5, "weight": 1.0, **settings}
    step = make_step(network, optimizer, AdversarialKeys(**settings))
    loss = float(step(ids, labels, SEED))
    return loss, [b - v.numpy() for b, v in zip(before, network.trainable_variables, strict=True)]


def clean_loss(network, ids=IDS, labels=LABELS):
    return float(masked_cross_entropy(labels, network(ids)))


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_epsilon_zero_counts_the_clean_loss_twice(make_network, weight):
    network = make_network()
    loss, _ = run_step(network, epsilon=0.0, weight=weight)
    assert loss == pytest.approx((1 + weight) * clean_loss(network), rel=1e-5)


def test_without_an_adversary_the_loss_is_the_clean_one(make_network):
    network = make_network()
    assert run_step(network, method="none")[0] == pytest.approx(clean_loss(network), rel=1e-5)


def test_fgm_hurts_more_than_a_random_direction(make_network):
    network = make_network()
    clean = clean_loss(network)
    worst, random = (
        run_step(network, method=method, epsilon=0.3)[0] - clean for method in ("fgm", "random")
    )
    assert worst > random
    assert worst > clean


def test_the_perturbation_is_a_constant_to_the_weights(make_network):
    network = make_network()
    embedded = network.embed(IDS)
    with tf.GradientTape() as tape:
        tape.watch(embedded)
        loss = masked_cross_entropy(LABELS, network.classify(embedded, MASK))
    shift = tf.constant(fgm(tape.gradient(loss, embedded), MASK, 0.5, SEED).numpy())
    with tf.GradientTape() as tape:
        embedded = network.embed(IDS)
        loss = masked_cross_entropy(LABELS, network.classify(embedded, MASK))
        loss += 2.0 * masked_cross_entropy(LABELS, network.classify(embedded + shift, MASK))
    expected = tape.gradient(loss, [v.value for v in network.trainable_variables])
    found, taken = run_step(network, rate=1.0, epsilon=0.5, weight=2.0)
    assert found == pytest.approx(float(loss), rel=1e-5)
    for ours, theirs in zip(taken, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_unknown_labels_influence_neither_loss_nor_weights(make_network):
    unknown = LABELS.copy()
    unknown[1] = np.nan
    loss, taken = run_step(make_network(), labels=unknown, rate=1.0)
    without, expected = run_step(make_network(), ids=IDS[[0, 2]], labels=LABELS[[0, 2]], rate=1.0)
    assert loss == pytest.approx(without, rel=1e-5)
    for ours, theirs in zip(taken, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("none", "vat", "fgm+vat")])
def test_without_epsilon_every_method_counts_the_clean_loss_twice(make_network, method):
    network = make_network()
    loss, _ = run_step(network, method=method, epsilon=0.0)
    assert loss == pytest.approx(2 * clean_loss(network), rel=1e-5)


@pytest.mark.parametrize("method", ["pgd", "freelb"])
def test_several_steps_hurt_more_than_a_random_one(make_network, method):
    network = make_network()
    several = run_step(network, method=method, epsilon=0.5)[0]
    assert several > run_step(network, method="random", epsilon=0.5)[0]


def test_virtual_adversarial_training_adds_the_divergence(make_network):
    network = make_network()
    clean = clean_loss(network)
    assert run_step(network, method="vat", epsilon=0.0)[0] == pytest.approx(clean, rel=1e-5)
    assert run_step(network, method="vat", epsilon=0.5)[0] > clean
    both = run_step(network, method="fgm+vat", epsilon=0.5)[0]
    alone = [run_step(network, method=m, epsilon=0.5)[0] - clean for m in ("fgm", "vat")]
    assert both == pytest.approx(clean + sum(alone), rel=1e-4)


def test_virtual_adversarial_training_learns_from_unlabelled_rows(make_network):
    unknown = np.full_like(LABELS, np.nan)
    loss, taken = run_step(make_network(), method="vat", labels=unknown, rate=1.0)
    assert loss > 0
    assert any(np.abs(change).max() > 0 for change in taken)


@pytest.mark.parametrize("method", METHODS)
def test_poor_batches_leave_numbers(make_network, method):
    network = make_network(dropout=0.5, embedding_dropout=0.5)
    keys = AdversarialKeys(method=method, epsilon=0.5)
    step = make_step(network, keras.optimizers.SGD(0.1), keys)
    for what, ids, labels in (
        ("all padding", np.zeros((2, 3), np.int32), LABELS[:2]),
        ("one token", IDS[:1, :1], LABELS[:1]),
        ("nothing known", IDS, np.full((3, 2), np.nan, np.float32)),
    ):
        assert np.isfinite(float(step(ids, labels, SEED))), what
        assert all(np.isfinite(weights).all() for weights in network.get_weights()), what


# Half precision


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e4])
def test_perturbations_of_other_precision_have_the_norm_too(dtype, scale):
    normal = np.random.Generator(np.random.PCG64(2)).normal(size=(3, 5, 40)) * scale
    gradient = tf.cast(normal, dtype)
    for name in ("fgm", "random"):
        shift = PERTURBATIONS[name](gradient, MASK, 2.0, SEED)
        assert shift.dtype == dtype
        np.testing.assert_allclose(lengths_of(tf.cast(shift, tf.float64)), 2.0, rtol=1e-2)
    moved = ascend(3 * fgm(gradient, MASK, 1.0, SEED), gradient, MASK, 2.0, 1.0)
    np.testing.assert_allclose(lengths_of(tf.cast(moved, tf.float64)), 2.0, rtol=1e-2)
    signs = np.abs(tf.cast(fgsm(gradient, MASK, 0.5, SEED), tf.float64).numpy())
    assert set(np.unique(signs)) == {0.0, 0.5}


@pytest.mark.parametrize(
    ("policy", "method"), [("mixed_float16", "fgm+vat"), ("mixed_bfloat16", "pgd")]
)
def test_mixed_precision_leaves_numbers_and_about_the_same_loss(make_network, policy, method):
    single = run_step(make_network(), method=method)[0]
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        network = make_network()
        half, taken = run_step(network, method=method, rate=0.1)
        padding = np.zeros((1, 3), np.int32)
        poor, _ = run_step(network, method=method, ids=padding, labels=LABELS[:1], rate=0.1)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert half == pytest.approx(single, rel=0.03)
    assert half != single
    assert np.isfinite(poor)
    assert all(np.isfinite(change).all() for change in taken)
    assert any(change.any() for change in taken)
