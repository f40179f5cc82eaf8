/* Chapter 15's live figure: an adversarial pair on the ring of eight Gaussians, as it was trained
   by `python -m benchmarks.live.ring` for each choice of loss, learning rates and critic steps.
   Nothing is trained here: frames are read, in pure functions that tests/book/test_live_ring.py
   holds against the arrays and coursepkg.evaluation.samples. */
"use strict";
(() => {
  const { stage, net } = window.course;
  const { COLOURS, make, shown } = stage;
  const { points, scores, range, epochs } = net.read("ring");
  const [LOSSES, RATES, STEPS, FRAMES, POINTS] = points.shape;
  const GRID = scores.shape.at(-1);
  const REACH = 6; // of both axes
  const [RADIUS, NEAR, LEAST] = [4, 1.5, 0.01]; // of the ring; three standard deviations; a share
  const BYTE = 255;
  const EPOCHS = Array.from(epochs.data); // that the frames show

  const MEANS = Array.from({ length: 8 }, (_, k) => [
    RADIUS * Math.cos((k * Math.PI) / 4),
    RADIUS * Math.sin((k * Math.PI) / 4),
  ]);

  /** Which frame of all: its loss, its pair of rates, its critic steps, and how far it is. */
  const place = ([loss, rates, steps], frame) =>
    ((loss * RATES + rates) * STEPS + steps) * FRAMES + frame;

  /** The generator's points [[x1, x2], ...] in a frame. */
  function drawn(choice, frame) {
    const first = 2 * POINTS * place(choice, frame);
    const at = (i) => (points.data[first + i] / BYTE) * 2 * REACH - REACH;
    return Array.from({ length: POINTS }, (_, n) => [at(2 * n), at(2 * n + 1)]);
  }

  /** The critic's scores in a frame, rows of one x2 from the lowest on. */
  function field(choice, frame) {
    const at = place(choice, frame);
    const [low, high] = [range.data[2 * at], range.data[2 * at + 1]];
    const score = (i) => low + (scores.data[GRID * GRID * at + i] / BYTE) * (high - low);
    return Array.from({ length: GRID }, (_, j) =>
      Array.from({ length: GRID }, (_, i) => score(GRID * j + i)),
    );
  }

  /** How many points are nearest to each mode and within three standard deviations. */
  function counts(found) {
    const each = MEANS.map(() => 0);
    for (const [a, b] of found) {
      const away = MEANS.map(([m, n]) => Math.hypot(a - m, b - n));
      const least = Math.min(...away);
      if (least <= NEAR) each[away.indexOf(least)] += 1;
    }
    return each;
  }

  /** How many modes have 1 % of the points, and the share of points that are at a mode at all. */
  function reached(found) {
    const each = counts(found);
    return {
      modes: each.filter((n) => n >= LEAST * found.length).length,
      near: each.reduce((sum, n) => sum + n, 0) / found.length,
    };
  }

  window.course.ring = { drawn, field, counts, reached, MEANS, EPOCHS };

  /* From here on: the figure. */
  const KEY =
    "Rings: the eight modes, with a radius of three standard deviations. Dots: 120 draws of the " +
    "generator, from the same noise in every frame; those beyond an edge stand on it. Squares: " +
    "the critic's score, the darker the higher. An epoch is 25 steps of the critic. One seed of " +
    "each game: from another it may end with a mode more or less.";
  const CHOICES = [
    ["Loss", ["non-saturating", "least squares", "Wasserstein, unit slope",
      "relativistic, both penalties"]],
    ["Learning rates", ["0.001 both", "critic 0.0001, generator 0.003"]],
    ["Critic steps", ["1 for each step of the generator", "5 for each step of the generator"]],
  ];
  const FRAME = { x: [-REACH, REACH], y: [-REACH, REACH], names: ["x₁", "x₂"] };

  function drawSquares(pen, rows, { X, Y }) {
    const all = rows.flat();
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const half = REACH / (GRID - 1);
    rows.forEach((row, j) =>
      row.forEach((score, i) => {
        const [a, b] = [i, j].map((k) => 2 * half * k - REACH);
        const dark = high > low ? (score - low) / (high - low) : 0;
        pen.fillStyle = `rgb(0 114 178 / ${(0.6 * dark).toFixed(3)})`;
        const [left, top] = [X(a - half), Y(b + half)];
        pen.fillRect(left, top, X(a + half) - left, Y(b - half) - top);
      }),
    );
  }

  function drawPlane(pen, width, height, choice, frame) {
    // both axes in one unit: modes stay round on any screen
    const wide = (REACH * (width - 54)) / (height - 42);
    const plot = stage.axes(pen, width, height, { ...FRAME, x: [-wide, wide] });
    const { X, Y } = plot;
    stage.clipped(pen, plot.box, () => {
      drawSquares(pen, field(choice, frame), plot);
      Object.assign(pen, { strokeStyle: COLOURS.data, lineWidth: 1 });
      for (const [a, b] of MEANS) {
        pen.beginPath();
        pen.arc(X(a), Y(b), X(NEAR) - X(0), 0, 2 * Math.PI);
        pen.stroke();
      }
      Object.assign(pen, { fillStyle: COLOURS.samples, strokeStyle: "#FFFFFF", lineWidth: 0.8 });
      for (const [a, b] of drawn(choice, frame)) {
        pen.beginPath();
        pen.arc(X(a), Y(b), 3, 0, 2 * Math.PI);
        pen.fill();
        pen.stroke();
      }
    });
  }

  function numbers(choice, frame) {
    const { modes, near } = reached(drawn(choice, frame));
    const all = field(choice, frame).flat();
    return {
      "epochs": shown(EPOCHS[frame]),
      "modes with at least 1 % of the draws": `${modes} of 8`,
      "draws at a mode": `${Math.round(100 * near)} %`,
      "critic's scores": `${shown(Math.min(...all))} to ${shown(Math.max(...all))}`,
    };
  }

  function figure(parent) {
    const controls = make("div", { className: "live-controls" });
    const picture = make("div", {
      className: "live-pictures", role: "group", ariaLabel: parent.dataset.alt,
    });
    parent.replaceChildren(controls, picture, make("p", { className: "live-key" }, KEY));
    const tell = stage.report(parent);
    const choice = [0, 0, 0];
    let frame = FRAMES - 1;
    const { element, redraw } = stage.canvas(picture, "Ring", 1.1, (pen, ...size) =>
      drawPlane(pen, ...size, choice, frame),
    );
    CHOICES.forEach(([name, options], d) => {
      const control = stage.select(controls, name, options, () => {
        choice[d] = Number(control.value);
        show(true);
      });
    });
    const slider = stage.slider(controls, "Frame", (value) => `epoch ${EPOCHS[Math.round(value)]}`,
      () => {
        frame = Math.round(slider.value());
        show(true);
      });
    slider.set(0, FRAMES - 1, frame);
    stage.button(controls, "Earlier", () => step(-1));
    stage.button(controls, "Later", () => step(1));

    function step(by) {
      frame = Math.min(Math.max(frame + by, 0), FRAMES - 1);
      slider.set(0, FRAMES - 1, frame);
      show(true);
    }
    function show(aloud) {
      const what = CHOICES.map(([, options], d) => options[choice[d]]).join("; ");
      const table = numbers(choice, frame);
      element.ariaLabel = `Ring: ${table["modes with at least 1 % of the draws"]} modes reached`;
      redraw();
      tell(what, () => table, aloud);
    }
    show(true);
  }

  stage.mount("ring", figure);
})();
