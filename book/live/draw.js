/* Chapter 22's live figure: a digit that the reader draws, and what four models make of it. The
   mathematics stands first, in pure functions that tests/book/test_live_draw.py holds against the
   package. A picture x is 64 zeros and ones in the raster's order; all is in nats, and exact. */
"use strict";
(() => {
  const { stage, net } = window.course;
  const { COLOURS, make, shown } = stage;
  const [SIDE, D, HALF] = [8, 64, 32]; // the upper half is what stands before pixel 32
  const { alone, mixture, logistic, rbm, digits, typical } = net.read("draw");
  const [M, H] = [mixture.log_weights.data.length, rbm.c.data.length];

  const softplus = (u) => Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u)));
  const sigmoid = (u) => 1 / (1 + Math.exp(-u));
  /** log p(x) of one pixel with these log-odds of a one. */
  const bernoulli = (logit, x) => -softplus(x ? -logit : logit);
  const sum = (n, f) => Array.from({ length: n }, (_, i) => f(i)).reduce((a, b) => a + b, 0);

  function logSumExp(values) {
    const top = values.reduce((a, b) => Math.max(a, b));
    return top + Math.log(values.reduce((total, value) => total + Math.exp(value - top), 0));
  }

  /** Which of some log-weights: the first at which the sum of the shares passes u. */
  function choice(log_w, u) {
    const log_Z = logSumExp(log_w);
    let [k, total] = [0, Math.exp(log_w[0] - log_Z)];
    while (u >= total && k < log_w.length - 1) total += Math.exp(log_w[++k] - log_Z);
    return k;
  }

  /** x in its upper half; below, draws with log-odds that may depend on what is above them. */
  function filled(x, logit, random) {
    const y = [...x];
    for (let d = HALF; d < D; d++) y[d] = +(random.uniform() < sigmoid(logit(d, y)));
    return y;
  }

  /** log p(z, the first n pixels) of each component z. */
  const joint = (x, n) =>
    Array.from({ length: M }, (_, z) =>
      mixture.log_weights.data[z] +
      sum(n, (d) => bernoulli(mixture.logits.data[z * D + d], x[d])));

  /** Log-odds of pixel d given those before it. */
  const field = (d, x) =>
    logistic.b.data[d] + sum(d, (e) => logistic.W.data[e * D + d] * x[e]);

  /** Log-odds of visible unit d given hidden units, whose bits are those of a whole number. */
  const drive = (d, h) =>
    rbm.b.data[d] + sum(H, (j) => ((h >> j) & 1) * rbm.W.data[d * H + j]);

  /** log p(h, the upper half) + log Z of all 2^H states of the hidden units. */
  function hidden(x) {
    return Float64Array.from({ length: 2 ** H }, (_, h) => {
      let total = 0;
      for (let j = 0; j < H; j++) if ((h >> j) & 1) total += rbm.c.data[j];
      for (let d = 0; d < D; d++) {
        let on = rbm.b.data[d];
        for (let j = 0; j < H; j++) if ((h >> j) & 1) on += rbm.W.data[d * H + j];
        total += d < HALF ? x[d] * on : softplus(on);
      }
      return total;
    });
  }

  const families = {
    alone: {
      name: "pixels alone",
      logProb: (x) => sum(D, (d) => bernoulli(alone.b.data[d], x[d])),
      complete: (x, random) => filled(x, (d) => alone.b.data[d], random),
    },
    mixture: {
      name: "mixture",
      logProb: (x) => logSumExp(joint(x, D)),
      complete(x, random) {
        const z = choice(joint(x, HALF), random.uniform());
        return filled(x, (d) => mixture.logits.data[z * D + d], random);
      },
    },
    logistic: {
      name: "autoregressive",
      logProb: (x) => sum(D, (d) => bernoulli(field(d, x), x[d])),
      complete: (x, random) => filled(x, field, random),
    },
    rbm: {
      name: "RBM",
      logProb: (x) =>
        sum(D, (d) => rbm.b.data[d] * x[d]) +
        sum(H, (j) => softplus(rbm.c.data[j] + sum(D, (d) => x[d] * rbm.W.data[d * H + j]))) -
        rbm.log_Z.data[0],
      complete(x, random) {
        const h = choice(hidden(x), random.uniform());
        return filled(x, (d) => drive(d, h), random);
      },
    },
  };
  const names = Object.keys(families);

  /* A test image of each digit, and nothing. */
  const pictures = Object.fromEntries(
    Array.from({ length: 10 }, (_, n) => [n, Array.from(digits.data.subarray(n * D, (n + 1) * D))]),
  );
  pictures.blank = Array(D).fill(0);

  window.course.draw = { families, pictures, choice };

  /* From here on: the figure. */
  const KEY =
    "Press pixels to draw, or move over them with the button held. Keys in the picture: arrows move, " +
    "Enter turns a pixel over. The line through the picture marks the upper half, which each model " +
    "sees when it draws the lower half anew (orange). The numbers are −log p(x) of the whole " +
    "picture, exact under each model; in brackets, between which numbers nine of ten test images lie.";
  const MOVES = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIDE, ArrowDown: SIDE };
  const where = (d) => `row ${Math.floor(d / SIDE) + 1}, column ${(d % SIDE) + 1}`;

  function album(parent, onchoose) {
    const row = make("div", { className: "live-album", role: "group", ariaLabel: "Picture" });
    for (const [name, x] of Object.entries(pictures)) {
      const ariaLabel = name === "blank" ? "an empty picture" : `a test image of the digit ${name}`;
      const still = make("canvas", { width: SIDE, height: SIDE, ariaHidden: "true" });
      const pen = still.getContext("2d");
      x.forEach((on, d) => {
        pen.fillStyle = on ? "#FFFFFF" : "#000000";
        pen.fillRect(d % SIDE, Math.floor(d / SIDE), 1, 1);
      });
      row.append(make("button", { type: "button", ariaLabel, onclick: () => onchoose(x) }, still));
    }
    parent.append(row);
  }

  /** The picture as 64 cells; `paint(d, on)` is called for each that the reader sets. */
  function grid(parent, paint) {
    const element = make("div", { className: "live-pixels", role: "grid", ariaLabel: "Your digit" });
    const cells = Array.from({ length: D }, () => make("div", { role: "gridcell" }));
    for (let i = 0; i < SIDE; i++)
      element.append(make("div", { role: "row" }, ...cells.slice(i * SIDE, (i + 1) * SIDE)));
    cells.slice(HALF, HALF + SIDE).forEach((cell) => (cell.style.borderTop = "2px solid #D55E00"));
    element.style.touchAction = "none";
    parent.append(element);
    let [x, at, brush] = [[], 0, 1];
    element.addEventListener("pointerdown", (event) => {
      const d = cells.indexOf(event.target);
      if (d < 0) return;
      event.target.releasePointerCapture?.(event.pointerId); // a finger would hold the first cell
      [at, brush] = [d, 1 - x[d]];
      paint(d, brush);
    });
    element.addEventListener("pointerover", ({ target, buttons }) => {
      const d = cells.indexOf(target);
      if (buttons && d >= 0 && x[d] !== brush) paint((at = d), brush);
    });
    element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const to = at + (MOVES[event.key] ?? 0);
      if (event.key === "Enter" || event.key === " ") paint(at, 1 - x[at]);
      else if (event.key in MOVES && to >= 0 && to < D) {
        [cells[at].tabIndex, cells[to].tabIndex] = [-1, 0];
        cells[(at = to)].focus();
      } else return;
      event.preventDefault();
    });
    return (now) => {
      x = now;
      cells.forEach((cell, d) => {
        cell.style.backgroundColor = x[d] ? "#FFFFFF" : "#000000";
        cell.tabIndex = d === at ? 0 : -1;
        cell.ariaLabel = `${where(d)}: ${x[d] ? "white" : "black"}`;
      });
    };
  }

  function drawCompletions(pen, width, height, drawn) {
    const side = Math.floor(Math.min((width - 50) / (4 * SIDE), (height - 30) / SIDE));
    Object.assign(pen, { fillStyle: "#FFFFFF" });
    pen.fillRect(0, 0, width, height);
    names.forEach((name, n) => {
      const left = Math.round(((n + 0.5) * width) / 4 - (SIDE / 2) * side);
      drawn[name].forEach((on, d) => {
        pen.fillStyle = !on ? "#000000" : d < HALF ? "#FFFFFF" : COLOURS.samples;
        pen.fillRect(left + (d % SIDE) * side, 6 + Math.floor(d / SIDE) * side, side, side);
      });
      Object.assign(pen, { fillStyle: COLOURS.text, font: "12px system-ui, sans-serif" });
      Object.assign(pen, { textAlign: "center", textBaseline: "top" });
      pen.fillText(families[name].name, ((n + 0.5) * width) / 4, 12 + SIDE * side);
    });
  }

  function numbers(x) {
    return Object.fromEntries(
      names.map((name, n) => {
        const [low, high] = [0, 2].map((part) => shown(typical.data[3 * n + part]));
        return [families[name].name, `${shown(-families[name].logProb(x))} nats (${low}–${high})`];
      }),
    );
  }

  function figure(place) {
    const controls = make("div", { className: "live-controls" });
    const parts = make("div", {
      className: "live-mosaic", role: "group", ariaLabel: place.dataset.alt,
    });
    place.replaceChildren(controls, parts, make("p", { className: "live-key" }, KEY));
    const tell = stage.report(place);
    let [x, drawn, seed] = [pictures[3], {}, 1];
    album(controls, (picture) => set([...picture]));
    const show = grid(parts, (d, on) => set(x.with(d, on)));
    const { element, redraw } = stage.canvas(parts, "Lower halves", 2, (pen, ...size) =>
      drawCompletions(pen, ...size, drawn));
    function set(picture) {
      x = picture;
      for (const name of names) drawn[name] = families[name].complete(x, stage.random(seed));
      const ink = (name) => drawn[name].slice(HALF).reduce((total, on) => total + on, 0);
      element.ariaLabel =
        "Lower halves drawn by the models; white pixels in them: " +
        names.map((name) => `${families[name].name} ${ink(name)}`).join(", ");
      show(x);
      redraw();
      tell("Your digit", () => numbers(x), true);
    }
    stage.button(controls, "Draw the lower halves anew", () => {
      seed += 1;
      set(x);
    });
    set(x);
  }

  stage.mount("draw", figure);
})();
