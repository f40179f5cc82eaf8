/* Chapter 12's live figure: noise flows to a law that the reader draws, along the curved paths of
   the mean velocity and along straight lines to the same ends. The mathematics stands
   first, in pure functions that tests/book/test_live_flow.py holds against the package. A law is
   {places, s}: normal hills of standard deviation s around places [x1, x2], all of equal weight,
   so that the mean velocity E[x_1 - x_0 | x_t = x] is a formula and nothing has to be learnt. */
"use strict";
(() => {
  const { stage } = window.course;
  const { COLOURS, make, shown } = stage;
  const STEPS = 100; // of a path
  const MOST = 150; // places of a drawing
  const REACH = 4; // of both axes

  const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];
  const plus = (a, scale, b) => [a[0] + scale * b[0], a[1] + scale * b[1]];
  const squares = ([a, b]) => a * a + b * b;
  const average = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;

  /** The mean velocity at place x and time t: each hill's own, by its share of what is there. */
  function velocity({ places, s }, x, t) {
    const spread = (1 - t) ** 2 + (t * s) ** 2;
    const factor = (t * s * s - (1 - t)) / spread;
    const log_w = places.map((m) => -squares(plus(x, -t, m)) / (2 * spread));
    const top = Math.max(...log_w);
    let [total, sum] = [0, [0, 0]];
    places.forEach((m, k) => {
      const w = Math.exp(log_w[k] - top);
      total += w;
      sum = plus(sum, w, plus(m, factor, plus(x, -t, m)));
    });
    return total ? [sum[0] / total, sum[1] / total] : [0, 0]; // nothing is drawn, nothing moves
  }

  /** Where x is at the times 0, 1/STEPS, ..., 1, by the classical Runge–Kutta method. */
  function curve(law, x) {
    const h = 1 / STEPS;
    const path = [x];
    for (let n = 0; n < STEPS; n++) {
      const k_1 = velocity(law, x, n * h);
      const k_2 = velocity(law, plus(x, h / 2, k_1), (n + 0.5) * h);
      const k_3 = velocity(law, plus(x, h / 2, k_2), (n + 0.5) * h);
      const k_4 = velocity(law, plus(x, h, k_3), (n + 1) * h);
      x = plus(x, h / 6, plus(plus(plus(k_1, 2, k_2), 2, k_3), 1, k_4));
      path.push(x);
    }
    return path;
  }

  /** Mean of |v(x_t, t) - (x_1 - x_0)|² along a path: 0 if it is straight, at constant speed. */
  function straightness(law, path) {
    const chord = minus(path.at(-1), path[0]);
    const away = path.map((x, n) => squares(minus(velocity(law, x, n / STEPS), chord)));
    const sum = away.reduce((total, each) => total + each, 0);
    return (sum - (away[0] + away[STEPS]) / 2) / STEPS; // both ends count half
  }

  /** Noise, what the flow makes of it, and a random end for each; `random` is one of stage's. */
  function cloud(law, count, random) {
    const paths = Array.from({ length: count }, () => curve(law, random.normals()));
    const end = ([x]) => {
      if (!law.places.length) return x;
      const place = law.places[random.whole(0, law.places.length - 1)];
      return plus(place, law.s, random.normals());
    };
    return { paths, ends: paths.map(end) };
  }

  /** Mean square distances of random pairs and of the flow's pairs, and the mean straightness. */
  function costs(law, { paths, ends }) {
    return {
      random: average(paths.map((path, i) => squares(minus(ends[i], path[0])))),
      flow: average(paths.map((path) => squares(minus(path.at(-1), path[0])))),
      straightness: average(paths.map((path) => straightness(law, path))),
    };
  }

  /** Points on a circle's arc, the angles in turns. */
  const arc = (count, [a, b], radius, from, turns) =>
    Array.from({ length: count }, (_, k) => {
      const angle = 2 * Math.PI * (from + (turns * (k + 0.5)) / count);
      return [a + radius * Math.cos(angle), b + radius * Math.sin(angle)];
    });
  const laws = {
    moons: {
      name: "two moons",
      places: [...arc(24, [-1, -0.5], 2, 0, 0.5), ...arc(24, [1, 0.5], 2, 0.5, 0.5)],
    },
    hills: { name: "eight hills", places: arc(8, [0, 0], 3, -1 / 16, 1) },
    one: { name: "one place", places: [[2, 1]] },
    own: { name: "your drawing", places: [] },
  };

  window.course.flow = { velocity, curve, straightness, cloud, costs, laws, STEPS };

  /* From here on: the figure. */
  const KEY =
    "Drag in either picture to draw a law, or move its cross with the arrow keys and press Space. " +
    "Orange rings: the law. Black dots: noise that flows, and green the way it came. Left: the " +
    "paths of the mean velocity. Right: straight lines to the same ends, which reflow trains on.";
  const COUNT = 120; // points that flow
  const FRAME = { x: [-REACH, REACH], y: [-REACH, REACH], names: ["x₁", "x₂"] };

  /** Where the point of a path is after n steps when it goes straight to its end. */
  const straight = (path, n) => plus(path[0], n / STEPS, minus(path.at(-1), path[0]));

  function dots(pen, points, { X, Y }, radius, paint) {
    for (const [a, b] of points) {
      pen.beginPath();
      pen.arc(X(a), Y(b), radius, 0, 2 * Math.PI);
      pen[paint]();
    }
  }

  function drawPlane(pen, width, height, { places, paths, n, pencil }, way) {
    const plot = stage.axes(pen, width, height, FRAME);
    const { X, Y } = plot;
    stage.clipped(pen, plot.box, () => {
      Object.assign(pen, { strokeStyle: COLOURS.samples, lineWidth: 1.2 });
      dots(pen, places, plot, 4, "stroke");
      Object.assign(pen, { strokeStyle: `${COLOURS.latent}99`, lineWidth: 0.8 });
      for (const path of paths) {
        pen.beginPath();
        for (let k = 0; k <= n; k++) pen.lineTo(X(way(path, k)[0]), Y(way(path, k)[1]));
        pen.stroke();
      }
      pen.fillStyle = COLOURS.data;
      dots(pen, paths.map((path) => way(path, n)), plot, 2, "fill");
      if (!pencil) return;
      Object.assign(pen, { strokeStyle: COLOURS.model, lineWidth: 2 });
      pen.stroke(new Path2D(`M${X(pencil[0]) - 6} ${Y(pencil[1])}h12m-6 -6v12`));
    });
    return (px, py) => [
      (((px - plot.box.left) / plot.box.width) * 2 - 1) * REACH,
      (1 - ((py - plot.box.top) / plot.box.height) * 2) * REACH,
    ];
  }

  /** A picture that can be drawn in, by mouse, finger or keys. */
  function plane(parent, label, show, { state, draw, drawn }) {
    let placeAt = () => [0, 0];
    const { element, redraw } = stage.canvas(parent, label, 1.1, (pen, ...size) => {
      const own = document.activeElement === element ? state.pencil : null;
      placeAt = drawPlane(pen, ...size, { ...state, pencil: own }, show);
    });
    element.tabIndex = 0;
    element.style.touchAction = "none"; // a finger draws, and does not scroll
    const touch = ({ offsetX, offsetY, buttons, pressure }) => {
      if (buttons || pressure) draw(placeAt(offsetX, offsetY));
    };
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      touch(event);
    });
    element.addEventListener("pointermove", touch);
    element.addEventListener("pointerup", drawn);
    for (const each of ["focus", "blur"]) element.addEventListener(each, redraw);
    element.addEventListener("keydown", (event) => {
      const way = {
        ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0], " ": [0, 0],
      }[event.key];
      if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const inside = (value) => Math.min(Math.max(value, -REACH), REACH);
      state.pencil = plus(state.pencil, 0.25, way).map(inside);
      if (event.key === " ") {
        draw(state.pencil);
        drawn();
      } else redraw();
    });
    return redraw;
  }

  function figure(place) {
    const controls = make("div", { className: "live-controls" });
    const pictures = make("div", { className: "live-pictures" });
    place.replaceChildren(controls, pictures, make("p", { className: "live-key" }, KEY));
    const tell = stage.report(place);
    const state = { places: [], paths: [], n: 0, pencil: [0, 0] };
    let [law, found] = [null, null];

    const names = Object.entries(laws).map(([key, { name }]) => [key, name]);
    const choice = stage.select(controls, "Law", Object.fromEntries(names), () => again());
    const blur = stage.slider(controls, "Blur s", shown, () => again());
    /** One place more of the reader's own law; the flow is computed when the pen is lifted. */
    function draw(x) {
      again.halt();
      if (choice.value !== "own") [choice.value, laws.own.places] = ["own", []];
      const last = laws.own.places.at(-1);
      if (laws.own.places.length < MOST && !(last && squares(minus(x, last)) < 0.02))
        laws.own.places.push(x);
      Object.assign(state, { places: laws.own.places, paths: [] });
      left();
      right();
    }
    const hands = { state, draw, drawn: () => again() };
    const left = plane(pictures, place.dataset.alt, (path, n) => path[n], hands);
    const right = plane(pictures, "The same noise on straight paths", straight, hands);
    const again = stage.player(controls, {
      limit: STEPS,
      steps: () => state.n,
      advance: (count) => (state.n = Math.min(state.n + count, STEPS)),
      restart(seed) {
        law = { places: laws[choice.value].places, s: blur.value() };
        const { paths, ends } = cloud(law, COUNT, stage.random(seed));
        Object.assign(state, { places: law.places, paths, n: 0 });
        found = costs(law, { paths, ends });
      },
      tell(aloud) {
        left();
        right();
        const table = {
          "t": shown(state.n / STEPS),
          "places": shown(law.places.length),
          "S of the curved paths": shown(found.straightness),
          "mean square distance, random pairs": shown(found.random),
          "of the flow's pairs": shown(found.flow),
        };
        tell(`${laws[choice.value].name}, blur ${shown(law.s)}`, () => table, aloud);
      },
    });
    stage.button(controls, "Clear", () => {
      again.halt();
      [choice.value, laws.own.places] = ["own", []];
      again();
    });
    blur.set(0.05, 1, 0.2);
    again();
  }

  stage.mount("flow", figure);
})();
