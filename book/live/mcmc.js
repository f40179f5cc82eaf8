/* Chapter 4's live figure: three targets, four samplers, one chain that the reader drives.
   The mathematics stands first, in pure functions that tests/book/test_live.py holds against
   coursepkg.data and coursepkg.samplers; x is a point [x1, x2], densities are in nats. */
"use strict";
(() => {
  const { stage } = window.course;
  const { COLOURS, shown } = stage;
  const LOG_TAU = Math.log(2 * Math.PI);

  /** The Gaussian with mean 0, variances 1 and correlation r. */
  function gaussian(r) {
    const left = 1 - r * r; // of the variance of one coordinate, given the other
    const log_Z = LOG_TAU + Math.log(left) / 2;
    return ([a, b]) => {
      const score = [(r * b - a) / left, (r * a - b) / left];
      return { logDensity: (a * score[0] + b * score[1]) / 2 - log_Z, score };
    };
  }

  /** As coursepkg.data.Banana: x1 ~ N(0, width²), x2 ~ N(bend (x1² - width²), 1) given x1. */
  function banana(bend, width) {
    return ([a, b]) => {
      const rest = b - bend * (a * a - width * width);
      const logDensity = -((a / width) ** 2 + rest ** 2) / 2 - LOG_TAU - Math.log(width);
      return { logDensity, score: [-a / width ** 2 + rest * 2 * bend * a, -rest] };
    };
  }

  /** Round hills at (-d, 0) and (d, 0), as coursepkg.data.IsotropicMixture. */
  function hills(d, scale, weight) {
    return ([a, b]) => {
      const log_w = [Math.log(weight), Math.log(1 - weight)];
      const constant = LOG_TAU + 2 * Math.log(scale);
      const log_p = [-d, d].map(
        (m, k) => log_w[k] - ((a - m) ** 2 + b * b) / (2 * scale ** 2) - constant,
      );
      const top = Math.max(...log_p);
      const logDensity = top + Math.log(Math.exp(log_p[0] - top) + Math.exp(log_p[1] - top));
      const mean = [-d, d].reduce((sum, m, k) => sum + m * Math.exp(log_p[k] - logDensity), 0);
      return { logDensity, score: [(mean - a) / scale ** 2, -b / scale ** 2] };
    };
  }

  const targets = {
    gaussian: {
      name: "correlated Gaussian", density: gaussian(0.95), mean: 0, start: [-2.5, 2.5],
      frame: { x: [-4, 4], y: [-4, 4] },
    },
    banana: {
      name: "banana", density: banana(0.5, 1.5), mean: 0, start: [-4, 6.5],
      frame: { x: [-5.5, 5.5], y: [-5, 13] },
    },
    hills: {
      name: "two hills", density: hills(2.5, 0.75, 0.7), mean: -1, start: [-2.5, 1.5],
      frame: { x: [-5.5, 5.5], y: [-4.5, 4.5] },
    },
  };

  /** As coursepkg.samplers.run: NaN where x is not finite, and no score where p(x) is zero. */
  function evaluate(density, x) {
    if (!x.every(Number.isFinite)) return { x, logDensity: NaN, score: [0, 0] };
    const at = density(x);
    return { x, ...at, score: at.logDensity === -Infinity ? [0, 0] : at.score };
  }
  const plus = (a, scale, b) => a.map((value, d) => value + scale * b[d]);
  const squares = (a) => a.reduce((sum, value) => sum + value * value, 0);

  /** Metropolis' test with a uniform u: NaN and +∞ are refused, as in coursepkg.samplers.run. */
  function accept(state, proposal, logRatio, u) {
    const moved = logRatio < Infinity && Math.log(u) < logRatio;
    return { state: moved ? proposal : state, proposal, logRatio, moved, path: [proposal.x] };
  }

  /** x' = x + η ε, accepted with probability min(1, p(x') / p(x)). */
  function randomWalk(density, state, size, { noise, u }) {
    const proposal = evaluate(density, plus(state.x, size, noise));
    return { ...accept(state, proposal, proposal.logDensity - state.logDensity, u), gradients: 0 };
  }

  /** x' = x + η ∇log p(x) + √(2η) ε. */
  function langevinProposal(density, state, size, noise) {
    const x = plus(plus(state.x, size, state.score), Math.sqrt(2 * size), noise);
    return evaluate(density, x);
  }

  /** Langevin's step, taken whatever comes, unless the density there is not finite. */
  function langevin(density, state, size, { noise }) {
    const proposal = langevinProposal(density, state, size, noise);
    const moved = [proposal.logDensity, ...proposal.score].every(Number.isFinite);
    const next = moved ? proposal : state;
    return { state: next, proposal, logRatio: NaN, moved, path: [proposal.x], gradients: 1 };
  }

  /** Langevin's step with the test of Metropolis and Hastings. */
  function mala(density, state, size, { noise, u }) {
    const proposal = langevinProposal(density, state, size, noise);
    const mean = (given) => plus(given.x, size, given.score);
    const log_q = (x, given) => -squares(plus(x, -1, mean(given))) / (4 * size);
    const back = log_q(state.x, proposal) - log_q(proposal.x, state);
    const logRatio = proposal.logDensity - state.logDensity + back;
    return { ...accept(state, proposal, logRatio, u), gradients: 1 };
  }

  /** A momentum ε, `steps` leapfrog steps, and the test: accept by the change of the energy. */
  function hmc(density, state, size, { noise, u, steps }) {
    let [end, momentum] = [state, noise];
    const path = [];
    for (let i = 0; i < steps; i++) {
      momentum = plus(momentum, size / 2, end.score);
      end = evaluate(density, plus(end.x, size, momentum));
      momentum = plus(momentum, size / 2, end.score);
      path.push(end.x);
    }
    const energy = (at, r) => -at.logDensity + squares(r) / 2;
    const logRatio = energy(state, noise) - energy(end, momentum);
    return { ...accept(state, end, logRatio, u), path, gradients: steps };
  }

  const kernels = {
    randomWalk: { name: "random walk", step: randomWalk, sizes: [0.01, 10], size: 0.8 },
    langevin: { name: "Langevin, unadjusted", step: langevin, sizes: [0.001, 1], size: 0.1 },
    mala: { name: "Langevin, adjusted (MALA)", step: mala, sizes: [0.001, 1], size: 0.1 },
    hmc: { name: "Hamiltonian (HMC)", step: hmc, sizes: [0.01, 2], size: 0.25 },
  };

  /** A chain, and what it did so far; `random` is one of stage.random. */
  function chain(target, kernel, size, random) {
    const { density, start } = target;
    const run = { x: [], refused: [], moves: 0, gradients: 0, last: null };
    let state = evaluate(density, start);
    run.advance = (count) => {
      for (let i = 0; i < count; i++) {
        const draw = { noise: random.normals(), u: random.uniform(), steps: random.whole(8, 24) };
        run.last = { from: state.x, ...kernel.step(density, state, size, draw) };
        state = run.last.state;
        run.x.push(state.x);
        run.moves += run.last.moved;
        run.gradients += run.last.gradients;
        if (!run.last.moved) run.refused.push(run.last.proposal.x);
      }
    };
    return run;
  }

  const average = (x) => x.reduce((sum, value) => sum + value, 0) / x.length;

  /** coursepkg.samplers.ess_mean of one chain: T / (1 + 2 Σ ρ_k), cut as Geyer says. */
  function essMean(x) {
    if (x.length < 4 || x.every((value) => value === x[0]) || !x.every(Number.isFinite)) return NaN;
    const T = Math.floor(x.length / 2);
    const halves = [x.slice(0, T), x.slice(-T)];
    const means = halves.map(average);
    const rest = halves.map((half, c) => half.map((value) => value - means[c]));
    const covariance = (k) => {
      let sum = 0;
      for (const half of rest) for (let t = 0; t + k < T; t++) sum += half[t] * half[t + k];
      return sum / (2 * T);
    };
    const zero = covariance(0);
    const within = (zero * T) / (T - 1);
    const variance = zero + (means[0] - means[1]) ** 2 / 2;
    const rho = (k) => (k ? 1 - (within - covariance(k)) / variance : 1);
    const last = Math.max(Math.floor((T - 3) / 2), 0);
    let [time, smallest] = [-1, Infinity];
    for (let i = 0; i <= last; i++) {
      const even = rho(2 * i);
      const pair = even + rho(2 * i + 1);
      if (i === last || !(pair > 0)) {
        time += pair < 0 ? Math.max(even, 0) : even;
        break;
      }
      smallest = Math.min(smallest, pair);
      time += 2 * smallest;
    }
    return (2 * T) / Math.max(time, 1 / Math.log10(2 * T));
  }

  window.course.mcmc = { targets, kernels, evaluate, chain, essMean };

  /* From here on: the figure. */
  const LIMIT = 10000; // steps of one run
  const RECENT = 40; // moves and refusals that are drawn in full
  const KEY =
    "Ring: the chain now. Dots: where it has been. Crosses: the latest proposals refused. Green: the " +
    "way to the last proposal. Grey: contours of the target. Dashed: the true mean.";
  const DROPS = [0.5, 2, 4.5, 8]; // nats below the top, as in the chapter's film

  /** Contour lines of a target, in its own units. */
  function contours({ density, frame }) {
    const height = (a, b) => density([a, b]).logDensity;
    const grid = (i, [low, high]) => low + ((high - low) * i) / 80;
    const rows = Array.from({ length: 81 }, (_, j) => j);
    const top = Math.max(
      ...rows.flatMap((i) => rows.map((j) => height(grid(i, frame.x), grid(j, frame.y)))),
    );
    return DROPS.flatMap((drop) => stage.contour(height, frame, top - drop));
  }

  function line(pen, points, { X, Y }) {
    pen.beginPath();
    for (const [a, b] of points) pen.lineTo(X(a), Y(b));
    pen.stroke();
  }

  function drawPlane(pen, width, height, target, run) {
    const { frame, start } = target;
    const plot = stage.axes(pen, width, height, { ...frame, names: ["x₁", "x₂"] });
    const { X, Y } = plot;
    stage.clipped(pen, plot.box, () => {
      Object.assign(pen, { strokeStyle: COLOURS.grey, lineWidth: 1 });
      target.lines ??= contours(target);
      for (const segment of target.lines) line(pen, segment, plot);
      pen.fillStyle = `${COLOURS.samples}66`;
      for (const [a, b] of run.x) pen.fillRect(X(a) - 1.5, Y(b) - 1.5, 3, 3);
      Object.assign(pen, { strokeStyle: `${COLOURS.samples}99`, lineWidth: 1 });
      line(pen, run.x.slice(-RECENT), plot);
      Object.assign(pen, { strokeStyle: `${COLOURS.data}99`, lineWidth: 1.2 });
      for (const [a, b] of run.refused.slice(-RECENT)) {
        const [x, y] = [X(a), Y(b)];
        pen.stroke(new Path2D(`M${x - 3.5} ${y - 3.5}l7 7m-7 0l7 -7`));
      }
      Object.assign(pen, { strokeStyle: COLOURS.latent, lineWidth: 1.5 });
      if (run.last) line(pen, [run.last.from, ...run.last.path], plot);
      Object.assign(pen, { fillStyle: COLOURS.samples, strokeStyle: COLOURS.data, lineWidth: 1.5 });
      const [a, b] = run.x.at(-1) ?? start;
      pen.beginPath();
      pen.arc(X(a), Y(b), 5, 0, 2 * Math.PI);
      pen.fill();
      pen.stroke();
    });
  }

  function drawTrace(pen, width, height, target, run) {
    const steps = Math.max(run.x.length, 100);
    const frame = { x: [0, steps], y: target.frame.x, names: ["step", "x₁"] };
    const plot = stage.axes(pen, width, height, frame);
    stage.clipped(pen, plot.box, () => {
      Object.assign(pen, { strokeStyle: COLOURS.samples, lineWidth: 1 });
      line(pen, [target.start, ...run.x].map(([a], t) => [t, a]), plot);
      Object.assign(pen, { strokeStyle: COLOURS.data, fillStyle: COLOURS.data, lineWidth: 1.2 });
      pen.setLineDash([5, 4]);
      line(pen, [[0, target.mean], [steps, target.mean]], plot);
      pen.setLineDash([]);
    });
  }

  function numbers(run, target, kernel) {
    const x = run.x.map(([a]) => a);
    const share = `${shown((100 * run.moves) / x.length)} %`;
    return {
      "steps": shown(x.length),
      "accepted": kernel.step === langevin ? "untested" : x.length ? share : "—",
      "gradients": shown(run.gradients),
      "effective draws of x₁": shown(essMean(x)),
      "mean of x₁": `${shown(average(x))} (true: ${shown(target.mean)})`,
    };
  }

  function figure(place) {
    const controls = stage.make("div", { className: "live-controls" });
    const pictures = stage.make("div", { className: "live-pictures" });
    place.replaceChildren(controls, pictures, stage.make("p", { className: "live-key" }, KEY));
    const tell = stage.report(place);
    const names = (table) =>
      Object.fromEntries(Object.entries(table).map(([key, { name }]) => [key, name]));
    const size = (power) => Number((10 ** power).toPrecision(3));
    let run = null;

    const target = stage.select(controls, "Target", names(targets), () => again());
    const kernel = stage.select(controls, "Sampler", names(kernels), () => {
      choose();
      again();
    });
    const slide = stage.slider(controls, "Step size", (power) => shown(size(power)), () => again());
    const what = () => [targets[target.value], kernels[kernel.value], size(slide.value())];
    const choose = () => slide.set(...[...what()[1].sizes, what()[1].size].map(Math.log10));
    const draw = (paint) => (pen, width, height) => paint(pen, width, height, what()[0], run);
    const plane = stage.canvas(pictures, place.dataset.alt, 1.1, draw(drawPlane));
    const trace = stage.canvas(pictures, "Trace of x₁ against the steps", 1.1, draw(drawTrace));
    const again = stage.player(controls, {
      limit: LIMIT,
      steps: () => run.x.length,
      advance: (count) => run.advance(count),
      restart: (seed) => (run = chain(...what(), stage.random(seed))),
      tell(aloud) {
        const [law, sampler] = what();
        plane.redraw();
        trace.redraw();
        const title = `${sampler.name}, ${law.name}, step size ${shown(what()[2])}`;
        tell(title, () => numbers(run, law, sampler), aloud);
      },
    });
    target.value = "banana";
    choose();
    again();
  }

  stage.mount("mcmc", figure);
})();
