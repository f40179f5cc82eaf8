/* Networks in the page: forward passes only, in float64, of weights that Python has trained.

   An array is {shape, data}, the last axis fastest, as in PyTorch; what is computed runs over the
   last axis, so channels come last: an image is (H, W, C), a sequence (D, C), one example at a
   time. `read(name)` decodes the weights that benchmarks/live/export.py wrote into NAME-weights.js,
   which the page loads before NAME.js, and nests them as the modules of PyTorch are nested:
   what the state_dict calls "blocks.0.conv.weight" is read(name).blocks[0].conv.weight, and
   a layer is {weight, bias} in PyTorch's shapes.

   For the figures to come: a decoder, a GAN's generator or a diffusion's network of dense layers is
   `linear` and an activation in turn, and `add` joins what is embedded (the time, a class as
   `oneHot`); a block of a transformer needs `layerNorm`, `linear` and `softmax`, its scores q kᵀ
   are linear(q, { weight: k }); a network on sequences is made of `conv1d`. */
"use strict";
(() => {
  const size = (shape) => shape.reduce((product, n) => product * n, 1);

  /** An array of numbers (nested lists or flat ones) in a given shape. */
  function array(numbers, shape) {
    const data = Float64Array.from(Array.isArray(numbers) ? numbers.flat(Infinity) : numbers);
    if (data.length !== size(shape))
      throw new Error(`array: expected ${size(shape)} numbers for [${shape}], got ${data.length}`);
    return { shape: [...shape], data };
  }

  /** The number that 16 bits stand for: sign, 5 bits of exponent, 10 of the fraction. */
  function half(bits) {
    const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    const mantissa = exponent ? 1 + fraction / 1024 : fraction / 1024;
    return sign * mantissa * 2 ** (Math.max(exponent, 1) - 15);
  }

  const TYPES = {
    float32: (bytes) => new Float32Array(bytes),
    float16: (bytes) => Array.from(new Uint16Array(bytes), half),
    uint8: (bytes) => new Uint8Array(bytes),
  };

  function decode({ type, shape, data }) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    return array(Array.from(TYPES[type](bytes.buffer)), shape);
  }

  /** The arrays of NAME-weights.js, nested by the dots in their names. */
  function read(name) {
    const model = {};
    for (const [path, packed] of Object.entries(window.course.weights[name].arrays)) {
      const steps = path.split(".");
      const last = steps.pop();
      const place = steps.reduce((inner, step) => (inner[step] ??= {}), model);
      place[last] = decode(packed);
    }
    return model;
  }

  /** f(row) for each row along the last axis, which may change its length. */
  function rows({ shape, data }, f) {
    const C = shape.at(-1);
    const n = data.length / C;
    const found = Array.from({ length: n }, (_, r) => f(data.subarray(r * C, (r + 1) * C)));
    const y = new Float64Array(n * found[0].length);
    found.forEach((row, r) => y.set(row, r * row.length));
    return { shape: [...shape.slice(0, -1), found[0].length], data: y };
  }

  const each = (f) => ({ shape, data }) => ({ shape, data: data.map(f) });
  const relu = each((x) => Math.max(x, 0));
  const tanh = each(Math.tanh);
  const sigmoid = each((x) => 1 / (1 + Math.exp(-x)));

  function logSoftmax(logits) {
    return rows(logits, (row) => {
      const top = row.reduce((a, b) => Math.max(a, b));
      const log_Z = top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
      return row.map((x) => x - log_Z);
    });
  }
  const softmax = (logits) => each(Math.exp)(logSoftmax(logits));

  /** The sum of two arrays; the second may lack leading axes, like a bias. */
  function add(a, b) {
    const trailing = a.shape.slice(a.shape.length - b.shape.length);
    if (trailing.join() !== b.shape.join())
      throw new Error(`add: expected shapes that end alike, got [${a.shape}] and [${b.shape}]`);
    return { shape: a.shape, data: a.data.map((x, i) => x + b.data[i % b.data.length]) };
  }

  /** Σ_c a_(i+c) b_(j+c), over C numbers of each. */
  function dot(a, i, b, j, C) {
    let sum = 0;
    for (let c = 0; c < C; c++) sum += a[i + c] * b[j + c];
    return sum;
  }

  /** y = x Wᵀ + b: (..., C) -> (..., C'), W of shape (C', C); without a bias if there is none. */
  function linear(x, { weight, bias }) {
    const [outputs, inputs] = weight.shape;
    if (x.shape.at(-1) !== inputs)
      throw new Error(`linear: expected ${inputs} channels, got [${x.shape}]`);
    const outs = Array.from({ length: outputs }, (_, o) => o);
    return rows(x, (row) =>
      outs.map((o) => dot(weight.data, o * inputs, row, 0, inputs) + (bias ? bias.data[o] : 0)),
    );
  }

  /** Rows of W, (K, C), looked up by whole numbers: (...) -> (..., C). */
  function embedding(x, { weight }) {
    const [K, C] = weight.shape;
    const found = Array.from(x.data, (k) => {
      if (!(Number.isInteger(k) && k >= 0 && k < K))
        throw new Error(`embedding: expected whole numbers from 0 to ${K - 1}, got ${k}`);
      return Array.from(weight.data.subarray(k * C, (k + 1) * C));
    });
    return array(found, [...x.shape, C]);
  }

  /** Whole numbers as vectors with a single 1: (...) -> (..., K). */
  function oneHot(x, K) {
    const weight = array(Array.from({ length: K * K }, (_, i) => +(i % (K + 1) === 0)), [K, K]);
    return embedding(x, { weight });
  }

  /** Each row with mean 0 and variance 1, scaled and shifted: (..., C) -> (..., C). */
  function layerNorm(x, { weight, bias }, epsilon = 1e-5) {
    return rows(x, (row) => {
      const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
      const scale = 1 / Math.sqrt(variance + epsilon);
      return row.map((value, c) => (value - mean) * scale * weight.data[c] + bias.data[c]);
    });
  }

  /** h_ij = b + Σ_uv m_uv W_uv x_(i+u-above, j+v-left), zeros around: (H, W, C) to (H, W, C').

      W has the shape (C', C, k, l) and `mask`, if there is one, (k, l). The window is centred unless
      `above` and `left`, the rows and columns of it that lie before the place, say otherwise. */
  function conv2d(x, { weight, bias }, mask, above, left) {
    const [H, W, C] = x.shape;
    const [outputs, inputs, k, l] = weight.shape;
    if (C !== inputs) throw new Error(`conv2d: expected ${inputs} channels, got [${x.shape}]`);
    above ??= k >> 1;
    left ??= l >> 1;
    const h = Float64Array.from({ length: H * W * outputs }, (_, n) => bias.data[n % outputs]);
    const w = new Float64Array(outputs * C); // W_uv
    for (let place = 0; place < k * l; place++) {
      if (mask && !mask.data[place]) continue;
      const [u, v] = [Math.floor(place / l) - above, (place % l) - left];
      for (let n = 0; n < w.length; n++) w[n] = weight.data[n * k * l + place];
      for (let i = Math.max(0, -u); i < Math.min(H, H - u); i++)
        for (let j = Math.max(0, -v); j < Math.min(W, W - v); j++) {
          const from = ((i + u) * W + j + v) * C;
          const to = (i * W + j) * outputs;
          for (let o = 0; o < outputs; o++) h[to + o] += dot(w, o * C, x.data, from, C);
        }
    }
    return { shape: [H, W, outputs], data: h };
  }

  /** The causal one on sequences, (D, C) -> (D, C'), W of shape (C', C, L): h_d sees x_d and the
      L - 1 before it, or, if strict, the L before it. As coursepkg.nets.conv.CausalConv1d. */
  function conv1d(x, { weight, bias }, { strict }) {
    const [D, C] = x.shape;
    const [outputs, inputs, L] = weight.shape;
    const flat = { weight: { shape: [outputs, inputs, 1, L], data: weight.data }, bias };
    const { data } = conv2d({ shape: [1, D, C], data: x.data }, flat, null, 0, L - !strict);
    return { shape: [D, outputs], data };
  }

  /** The first axis made the last: (C, ...) -> (..., C), for maps that PyTorch keeps by channel. */
  function channelsLast({ shape: [C, ...places], data }) {
    const n = size(places);
    const shape = [...places, C];
    return { shape, data: data.map((_, i) => data[(i % C) * n + Math.floor(i / C)]) };
  }

  window.course = Object.assign(window.course ?? {}, {
    net: {
      array, half, read, relu, tanh, sigmoid, softmax, logSoftmax, add, linear, embedding, oneHot,
      layerNorm, conv2d, conv1d, channelsLast,
    },
  });
})();
