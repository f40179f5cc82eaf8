/* Chapter 17's live figure: films of digits run backwards, as `python -m benchmarks.live.film` drew
   them with a small U-Net. Nothing is computed here but how far the guess is from what is drawn
   and the power of the picture in z: frames are read, in pure functions that
   tests/book/test_live_film.py holds against the arrays. */
"use strict";
(() => {
  const { stage, net } = window.course;
  const { COLOURS, make, shown } = stage;
  const { noisy, guess, drawn, level } = net.read("film");
  const [FILMS, FRAMES, DIGITS, D] = noisy.shape;
  const [SIDE, BYTE, REACH, TOP] = [8, 255, 2, 16]; // TOP: the highest level of a pixel

  /** The numbers of one digit at a frame, from -reach to reach. */
  function numbersOf({ data }, reach, film, frame, digit) {
    const first = D * ((film * FRAMES + frame) * DIGITS + digit);
    return Array.from({ length: D }, (_, d) => ((2 * data[first + d]) / BYTE - 1) * reach);
  }
  const noisyAt = (...at) => numbersOf(noisy, REACH, ...at);
  const guessAt = (...at) => numbersOf(guess, 1, ...at);

  /** The levels that were drawn in the end, 0 to 16. */
  function drawnAt(film, digit) {
    const first = D * (film * DIGITS + digit);
    return Array.from({ length: D }, (_, d) => drawn.data[first + d]);
  }

  /** Root mean square distance from the guesses of a frame to what is drawn, in levels. */
  function away(film, frame) {
    let sum = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const end = drawnAt(film, digit);
      guessAt(film, frame, digit).forEach((g, d) => (sum += (((g + 1) * TOP) / 2 - end[d]) ** 2));
    }
    return Math.sqrt(sum / (DIGITS * D));
  }

  /** Power of the picture in z: the logistic function of the log-SNR. */
  const power = (frame) => 1 / (1 + Math.exp(-level.data[frame]));

  window.course.film = { noisyAt, guessAt, drawnAt, away, power, FRAMES, FILMS };

  /* From here on: the figure. */
  const KEY =
    "Above, ten frames z, one film each, from pure noise on; below, the guess of each picture at " +
    "that frame; after the last frame, what was drawn. Another film shows another ten. The distance " +
    "is the root mean square over the pixels, of which each has 17 levels.";

  /** One digit as squares, white ink; `shade` maps a number to 0..1. */
  function drawDigit(pen, x, shade, left, top, side) {
    x.forEach((value, d) => {
      const grey = Math.round(BYTE * Math.min(Math.max(shade(value), 0), 1));
      pen.fillStyle = `rgb(${grey} ${grey} ${grey})`;
      pen.fillRect(left + (d % SIDE) * side, top + Math.floor(d / SIDE) * side, side, side);
    });
  }

  function drawFrame(pen, width, height, film, n) {
    pen.fillStyle = "#FFFFFF";
    pen.fillRect(0, 0, width, height);
    const side = Math.max(1, Math.floor(Math.min(width / (DIGITS * 9), (height - 34) / 16)));
    const start = Math.floor((width - side * (DIGITS * 9 - 1)) / 2);
    pen.font = "12px system-ui, sans-serif";
    Object.assign(pen, { fillStyle: COLOURS.text, textBaseline: "top" });
    const done = n >= FRAMES;
    pen.fillText(done ? "what was drawn" : "frame z", start, 2);
    const low = 18 + 8 * side;
    pen.fillText("guess of the picture", start, low + 2);
    for (let digit = 0; digit < DIGITS; digit++) {
      const left = start + 9 * side * digit;
      if (done) drawDigit(pen, drawnAt(film, digit), (value) => value / TOP, left, 16, side);
      else drawDigit(pen, noisyAt(film, n, digit), (value) => (value + 1) / 2, left, 16, side);
      const at = Math.min(n, FRAMES - 1);
      drawDigit(pen, guessAt(film, at, digit), (value) => (value + 1) / 2, left, low + 16, side);
    }
  }

  function table(film, n) {
    const frame = Math.min(n, FRAMES - 1);
    return {
      "frame": n < FRAMES ? `${n + 1} of ${FRAMES}` : "the end",
      "log-SNR λ": shown(level.data[frame]),
      "power of the picture": shown(power(frame)),
      "from guess to end": `${shown(away(film, frame))} levels`,
    };
  }

  function figure(place) {
    const controls = make("div", { className: "live-controls" });
    const pictures = make("div", {
      className: "live-pictures", role: "group", ariaLabel: place.dataset.alt,
    });
    place.replaceChildren(controls, pictures, make("p", { className: "live-key" }, KEY));
    const tell = stage.report(place);
    let [film, n] = [0, 0];
    const { element, redraw } = stage.canvas(pictures, "Films", 3.5, (pen, ...size) =>
      drawFrame(pen, ...size, film, n),
    );
    const named = (value) => Math.round(value) < FRAMES ? shown(Math.round(value) + 1) : "end";
    const slider = stage.slider(controls, "Frame", named, () => {
      again.halt();
      n = Math.round(slider.value());
      show(true);
    });
    const again = stage.player(controls, {
      names: ["Run", "Step", "Another film"],
      limit: FRAMES,
      leap: 8,
      steps: () => n,
      advance: (count) => (n = Math.min(n + count, FRAMES)),
      restart: (seed) => ([film, n] = [(seed - 1) % FILMS, 0]),
      tell: show,
    });

    function show(aloud) {
      const said = table(film, n);
      if (Math.round(slider.value()) !== n) slider.set(0, FRAMES, n); // arrows move it by a third
      element.ariaLabel = `Films at frame: ${said.frame}`;
      redraw();
      tell("Films", () => said, aloud);
    }
    again();
  }

  stage.mount("film", figure);
})();
