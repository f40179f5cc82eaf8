/* Chapter 14's live figure: a point of the latent plane, and what the decoder makes of it. The
   mathematics stands first, in pure functions that tests/book/test_live_plane.py holds against
   coursepkg.models.autoencoders. The dots are the codes of test images: means of q(z | x). */
"use strict";
(() => {
  const { stage, net } = window.course;
  const { COLOURS, make, shown } = stage;
  const SIDE = 28;
  const REACH = 3.5; // of both axes
  const { layers, codes, labels } = net.read("plane");
  const maps = Object.values(layers);

  /** u σ(u), elementwise. */
  function silu(u) {
    const gate = net.sigmoid(u).data;
    return { shape: u.shape, data: u.data.map((value, i) => value * gate[i]) };
  }

  /** P(pixel = 1 | z) of the 784 pixels: coursepkg.nets.MLP, and a sigmoid at its end. */
  function decode(z) {
    let h = net.linear(net.array(z, [2]), maps[0]);
    for (const map of maps.slice(1)) h = net.linear(silu(h), map);
    return Array.from(net.sigmoid(h).data);
  }

  /** -log p(z) under the prior N(0, I), in nats. */
  const surprise = ([a, b]) => (a * a + b * b) / 2 + Math.log(2 * Math.PI);

  /** The test image whose code is nearest to z: which it is, its digit, and how far it is. */
  function nearest([a, b]) {
    const away = Array.from(labels.data, (_, n) =>
      Math.hypot(codes.data[2 * n] - a, codes.data[2 * n + 1] - b),
    );
    const n = away.indexOf(Math.min(...away));
    return { n, digit: labels.data[n], distance: away[n] };
  }

  /** What stands before the name of a digit. */
  const article = (digit) => (digit === 8 ? "an" : "a");

  window.course.plane = { decode, surprise, nearest, article };

  /* From here on: the figure. */
  const KEY =
    "In the latent plane each numeral is the code of a test image of that digit; the circles are " +
    "one, two and three standard deviations of the prior. Press or drag to move the ring, or use " +
    "the arrow keys on the plane; it stays within ±3.5, and a draw from the prior that lies beyond " +
    "is moved to the edge. The picture beside or below it is the probability of ink, pixel " +
    "by pixel, that the decoder gives at the ring. Unsure pixels are those between 0.1 and 0.9.";
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const STEP = 0.1;
  const inside = (value) => Math.min(Math.max(value, -REACH), REACH);
  const pair = (z) => `(${z.map((value) => value.toFixed(2).replace("-", "−")).join(", ")})`;

  function drawPlane(pen, width, height, z, near) {
    // both axes in one unit: circles stay round on any screen
    const wide = (REACH * (width - 54)) / (height - 42);
    const frame = { x: [-wide, wide], y: [-REACH, REACH], names: ["z₁", "z₂"] };
    const { X, Y, box } = stage.axes(pen, width, height, frame);
    stage.clipped(pen, box, () => {
      Object.assign(pen, { strokeStyle: COLOURS.prior, lineWidth: 1.5 });
      for (const radius of [1, 2, 3]) {
        pen.beginPath();
        pen.arc(X(0), Y(0), X(radius) - X(0), 0, 2 * Math.PI);
        pen.stroke();
      }
      Object.assign(pen, { textAlign: "center", textBaseline: "middle" });
      labels.data.forEach((digit, n) => {
        pen.fillStyle = n === near.n ? COLOURS.data : COLOURS.latent;
        pen.font = n === near.n ? "bold 15px system-ui" : "10px system-ui";
        pen.fillText(digit, X(codes.data[2 * n]), Y(codes.data[2 * n + 1]));
      });
      for (const [colour, line] of [["#FFFFFF", 6], [COLOURS.samples, 3]]) {
        Object.assign(pen, { strokeStyle: colour, lineWidth: line });
        pen.beginPath();
        pen.arc(X(z[0]), Y(z[1]), 9, 0, 2 * Math.PI);
        pen.stroke();
      }
    });
    const unit = X(1) - X(0);
    return (x, y) => [(x - X(0)) / unit, (Y(0) - y) / unit].map(inside);
  }

  /** The plane; `onmove(z, aloud)` when the reader moves the ring. */
  function plane(parent, onmove) {
    let [z, near, place] = [[0, 0], nearest([0, 0]), () => [0, 0]];
    const { element, redraw } = stage.canvas(parent, "Latent plane", 1, (pen, ...size) => {
      place = drawPlane(pen, ...size, z, near);
    });
    element.tabIndex = 0;
    const pull = ({ offsetX, offsetY, buttons, type }) => {
      if (buttons) onmove(place(offsetX, offsetY), type === "pointerdown");
    };
    element.addEventListener("pointerdown", pull);
    element.addEventListener("pointermove", pull);
    element.addEventListener("pointerup", () => onmove(z, true));
    element.addEventListener("keydown", (event) => {
      const { key, ctrlKey, metaKey, altKey } = event;
      if (!(key in MOVES) || ctrlKey || metaKey || altKey) return;
      event.preventDefault();
      onmove(z.map((value, d) => inside(value + STEP * MOVES[key][d])), true);
    });
    return (to, found) => {
      [z, near] = [to, found];
      element.ariaLabel = `Latent plane: the ring is at ${pair(z)}. Arrow keys move it.`;
      redraw();
    };
  }

  /** The decoded image, white ink. */
  function image(parent) {
    let p = [];
    const { element, redraw } = stage.canvas(parent, "Decoded image", 1, (pen, width, height) => {
      pen.fillStyle = "#FFFFFF";
      pen.fillRect(0, 0, width, height);
      const side = Math.floor(Math.min(width, height) / SIDE);
      const [left, top] = [width, height].map((all) => Math.floor((all - side * SIDE) / 2));
      p.forEach((value, d) => {
        const level = Math.round(255 * value);
        pen.fillStyle = `rgb(${level} ${level} ${level})`;
        pen.fillRect(left + (d % SIDE) * side, top + Math.floor(d / SIDE) * side, side, side);
      });
    });
    return (z, found) => {
      p = found;
      element.ariaLabel = `Decoded image at ${pair(z)}`;
      redraw();
    };
  }

  function numbers(z, near, p) {
    return {
      "z": pair(z),
      "−log p(z)": `${shown(surprise(z))} nats`,
      "expected ink": `${shown(p.reduce((sum, value) => sum + value, 0))} of 784 pixels`,
      "unsure pixels": shown(p.filter((value) => value > 0.1 && value < 0.9).length),
      "nearest code": `${article(near.digit)} ${near.digit}, ${shown(near.distance)} away`,
    };
  }

  function figure(place) {
    const controls = make("div", { className: "live-controls" });
    const parts = make("div", {
      className: "live-mosaic", role: "group", ariaLabel: place.dataset.alt,
    });
    place.replaceChildren(controls, parts, make("p", { className: "live-key" }, KEY));
    const tell = stage.report(place);
    const random = stage.random(1);
    let at = [0, 0];
    const sliders = ["z₁", "z₂"].map((name, d) =>
      stage.slider(controls, name, (value) => value.toFixed(2).replace("-", "−"), () =>
        move(at.with(d, sliders[d].value()), true),
      ),
    );
    stage.button(controls, "Draw from the prior", () => move(random.normals().map(inside), true));
    const showPlane = plane(parts, move);
    const showImage = image(parts);

    function move(z, aloud) {
      at = z;
      sliders.forEach((slider, d) => slider.set(-REACH, REACH, z[d]));
      const [p, near] = [decode(z), nearest(z)];
      showPlane(z, near);
      showImage(z, p);
      tell(`Point ${pair(z)}`, () => numbers(z, near, p), aloud);
    }
    move([0, 0], true);
  }

  stage.mount("plane", figure);
})();
