/* Chapter 18's live figure: digits that a diffusion drew with more or less guidance, as `python -m
   benchmarks.live.guidance` wrote them. Nothing is drawn here: pictures are read, in pure functions
   that tests/book/test_live_guidance.py holds against the arrays. */
"use strict";
(() => {
  const { stage, net } = window.course;
  const { COLOURS, make, shown } = stage;
  const { pictures, read, weights, measures, floors } = net.read("guidance");
  const [W, NOISES, CLASSES, BYTES] = pictures.shape;
  const SIDE = Math.sqrt(2 * BYTES);
  const GREYS = 15; // the level of full ink
  const WEIGHTS = Array.from(weights.data);

  /** Ink from 0 to 1 of each pixel, row by row, of one class from one noise at the k-th weight. */
  function ink(k, noise, digit) {
    const first = ((k * NOISES + noise) * CLASSES + digit) * BYTES;
    const pairs = pictures.data.subarray(first, first + BYTES);
    return Array.from(pairs, (byte) => [Math.floor(byte / 16) / GREYS, (byte % 16) / GREYS]).flat();
  }

  /** The digit that the judge reads there. */
  const judged = (k, noise, digit) => read.data[(k * NOISES + noise) * CLASSES + digit];

  /** How many of the pictures at the k-th weight are read as they were asked for. */
  function right(k) {
    const asked = Array.from({ length: NOISES * CLASSES }, (_, n) => n % CLASSES);
    return asked.filter((c, n) => judged(k, Math.floor(n / CLASSES), c) === c).length;
  }

  /** What was measured of many draws at the k-th weight. */
  function measured(k) {
    const [share, frechet, precision, recall] = measures.data.subarray(4 * k, 4 * k + 4);
    return { share, frechet, precision, recall };
  }

  window.course.guidance = { ink, judged, right, measured, WEIGHTS };

  /* From here on: the figure. */
  const KEY =
    "A column: the class that was asked for. A row: one noise, from which all its pictures start, " +
    "at every weight. A box: the judge reads another digit. The numbers " +
    "from “in 1,000” on are of 1,000 other draws; in brackets, the same of real images.";
  const ROOM = 0.5; // of a picture's side, for the classes above

  /** The picture, as a small canvas of its own. */
  function stamp(k, noise, digit) {
    const image = new ImageData(SIDE, SIDE);
    ink(k, noise, digit).forEach((value, d) => {
      const grey = Math.round(255 * (1 - value));
      image.data.set([grey, grey, grey, 255], 4 * d);
    });
    const small = make("canvas", { width: SIDE, height: SIDE });
    small.getContext("2d").putImageData(image, 0, 0);
    return small;
  }

  function drawSheet(pen, width, height, k) {
    pen.fillStyle = "#FFFFFF";
    pen.fillRect(0, 0, width, height);
    pen.imageSmoothingEnabled = false;
    const side = Math.min(width / CLASSES, height / (NOISES + ROOM));
    const left = (width - side * CLASSES) / 2;
    Object.assign(pen, { textAlign: "center", textBaseline: "middle", font: "13px system-ui" });
    for (let c = 0; c < CLASSES; c++) {
      pen.fillStyle = COLOURS.text;
      pen.fillText(c, left + (c + 0.5) * side, (ROOM * side) / 2);
      for (let n = 0; n < NOISES; n++) {
        const [x, y] = [left + c * side, (ROOM + n) * side];
        pen.drawImage(stamp(k, n, c), x + 1, y + 1, side - 2, side - 2);
        if (judged(k, n, c) !== c) drawBox(pen, x + 1, y + 1, side - 2, judged(k, n, c));
      }
    }
  }

  /** A box, and in its corner, if there is room, what the judge reads. */
  function drawBox(pen, x, y, side, digit) {
    Object.assign(pen, { strokeStyle: COLOURS.samples, fillStyle: COLOURS.samples, lineWidth: 2 });
    pen.strokeRect(x + 1, y + 1, side - 2, side - 2);
    if (side > 40) pen.fillText(digit, x + side - 8, y + 10);
  }

  const percent = (share) => `${(100 * share).toFixed(1)} %`;

  function numbers(k) {
    const { share, frechet, precision, recall } = measured(k);
    const [distance, near, reach] = floors.data;
    return {
      "weight w": shown(WEIGHTS[k]),
      "read as asked, here": `${right(k)} of ${NOISES * CLASSES}`,
      "in 1,000": percent(share),
      "Fréchet distance": `${frechet.toFixed(1)} (${distance.toFixed(1)})`,
      "precision": `${precision.toFixed(2)} (${near.toFixed(2)})`,
      "recall": `${recall.toFixed(2)} (${reach.toFixed(2)})`,
    };
  }

  function figure(parent) {
    const controls = make("div", { className: "live-controls" });
    const picture = make("div", {
      className: "live-pictures", role: "group", ariaLabel: parent.dataset.alt,
    });
    parent.replaceChildren(controls, picture, make("p", { className: "live-key" }, KEY));
    const tell = stage.report(parent);
    let k = 0;
    const { element, redraw } = stage.canvas(picture, "Digits", CLASSES / (NOISES + ROOM), (pen, ...size) =>
      drawSheet(pen, ...size, k),
    );
    const slider = stage.slider(controls, "Guidance", (value) =>
      `w = ${shown(WEIGHTS[Math.round(value)])}`, () => show(Math.round(slider.value())));
    stage.button(controls, "Less", () => step(-1));
    stage.button(controls, "More", () => step(1));

    function step(by) {
      const to = Math.min(Math.max(k + by, 0), W - 1);
      slider.set(0, W - 1, to);
      show(to);
    }
    function show(to) {
      k = to;
      element.ariaLabel = `Digits with guidance of weight ${shown(WEIGHTS[k])}`;
      redraw();
      tell("Guidance", () => numbers(k), true);
    }
    const first = WEIGHTS.indexOf(1);
    slider.set(0, W - 1, first);
    show(first);
  }

  stage.mount("guidance", figure);
})();
