/* Chapter 10's live figure: what a PixelCNN expects of each pixel of a digit, given those before.
   The mathematics stands first, in pure functions that tests/book/test_live_pixels.py holds against
   coursepkg.nets.pixelcnn. A picture x is 64 levels in the raster's order; all is in nats. */
"use strict";
(() => {
  const { stage, net } = window.course;
  const { COLOURS, make, shown } = stage;
  const [SIDE, D, K] = [8, 64, 17];
  const model = net.read("pixels");
  const blocks = Object.values(model.blocks);

  /** The forward pass of coursepkg.nets.pixelcnn.PixelCNN: 64 levels -> logits (8, 8, 17). */
  function logits(x) {
    const active = (h, b) => net.relu(net.layerNorm(h, model.norms[b]));
    const image = net.embedding(net.array(x, [SIDE, SIDE]), model.embed);
    let h = net.conv2d(image, model.first.conv, model.first.mask);
    h = net.add(h, net.channelsLast(model.place));
    blocks.forEach(({ conv, mask }, b) => {
      h = net.add(h, net.conv2d(active(h, b), conv, mask));
    });
    return net.add(net.linear(active(h, blocks.length), model.head), model.bias);
  }

  /** log p(x_d = k | the pixels before d), 64 rows of 17: one pass gives all. */
  function logConditionals(x) {
    const { data } = net.logSoftmax(logits(x));
    return x.map((_, d) => data.subarray(d * K, (d + 1) * K));
  }

  /** -log p(x_d | the pixels before d) of each pixel; their sum is -log p(x). */
  const surprises = (log_p, x) => x.map((k, d) => -log_p[d][k]);

  /** Which pixels the logits of pixel d can see, by the masks, from the last layer down. */
  function sees(d) {
    const under = (mask, place) => {
      const [k] = mask.shape;
      return Array.from(mask.data, (shows, m) => {
        const i = Math.floor(place / SIDE) + Math.floor(m / k) - (k >> 1);
        const j = (place % SIDE) + (m % k) - (k >> 1);
        return shows && i >= 0 && j >= 0 && i < SIDE && j < SIDE ? i * SIDE + j : -1;
      }).filter((each) => each >= 0);
    };
    let places = [d];
    for (const { mask } of blocks.toReversed())
      places = [...new Set(places.flatMap((place) => under(mask, place)))];
    return new Set(places.flatMap((place) => under(model.first.mask, place)));
  }

  /** The level at which the sum of the probabilities passes u, uniform on [0, 1). */
  function draw(log_p, u) {
    let [k, sum] = [0, Math.exp(log_p[0])];
    while (u >= sum && k < K - 1) sum += Math.exp(log_p[++k]);
    return k;
  }

  /** A copy of a picture that the model draws on, in the raster's order, beginning at pixel d. */
  function drawing(start, d, random) {
    const run = { x: [...start], d, log_p: logConditionals(start) };
    run.advance = (count) => {
      for (; count > 0 && run.d < D; count--) {
        run.x[run.d] = draw(run.log_p[run.d], random.uniform());
        run.d += 1;
        run.log_p = logConditionals(run.x);
      }
    };
    return run;
  }

  /* A test image of each digit, and a black picture. */
  const digits = Array.from({ length: 10 }, (_, digit) =>
    Array.from(model.digits.data.subarray(digit * D, (digit + 1) * D)),
  );
  const pictures = { ...digits, blank: Array(D).fill(0) };

  window.course.pixels = { logits, logConditionals, surprises, sees, draw, drawing, pictures };

  /* From here on: the figure. */
  const KEY =
    "Outlined: the pixel chosen. Pale orange: what comes after it. Crosses: pixels before it that " +
    "the network cannot see. Orange corners: drawn by the model. Black bar and triangle: the level " +
    "in the picture; press another bar to change it. Keys in the picture: arrows choose a pixel, " +
    "+ and − change its level, Enter makes it white or black.";
  const LATER = [245, 201, 163]; // pale orange, a missing pixel in coursepkg.plotting.image_grid
  const MOVES = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIDE, ArrowDown: SIDE };
  const nats = (value) => `${shown(value)} nats`;
  const where = (d) => `row ${Math.floor(d / SIDE) + 1}, column ${(d % SIDE) + 1}`;
  const mix = (a, b, share) => `rgb(${a.map((v, c) => Math.round(v + share * (b[c] - v)))})`;
  const grey = (level) => Array(3).fill((255 * level) / (K - 1));

  /** Such keys are the browser's: Ctrl and + enlarge the page. */
  const modified = ({ ctrlKey, metaKey, altKey }) => ctrlKey || metaKey || altKey;

  /** Small pictures to choose from; `onchoose(x)`. */
  function album(parent, onchoose) {
    const row = make("div", { className: "live-album", role: "group", ariaLabel: "Picture" });
    for (const [name, x] of Object.entries(pictures)) {
      const ariaLabel = name === "blank" ? "a black picture" : `a test image of the digit ${name}`;
      const still = make("canvas", { width: SIDE, height: SIDE, ariaHidden: "true" });
      const pen = still.getContext("2d");
      x.forEach((level, d) => {
        pen.fillStyle = mix(grey(level), LATER, 0);
        pen.fillRect(d % SIDE, Math.floor(d / SIDE), 1, 1);
      });
      row.append(make("button", { type: "button", ariaLabel, onclick: () => onchoose(x) }, still));
    }
    parent.append(row);
  }

  /** The picture as 64 cells, one of which is chosen; `act` has `choose(d)` and `level(k)`. */
  function grid(parent, act) {
    const element = make("div", { className: "live-pixels", role: "grid", ariaLabel: "Pixels" });
    const cells = Array.from({ length: D }, () => make("div", { role: "gridcell" }));
    for (let i = 0; i < SIDE; i++)
      element.append(make("div", { role: "row" }, ...cells.slice(i * SIDE, (i + 1) * SIDE)));
    parent.append(element);
    let [chosen, x] = [0, []];
    const flip = () => act.level(x[chosen] < K / 2 ? K - 1 : 0);
    const go = (d) => {
      if (d < 0 || d >= D) return;
      act.choose(d);
      cells[d].focus();
    };
    element.addEventListener("click", ({ target }) => {
      const d = cells.indexOf(target);
      if (d === chosen) flip();
      else go(d);
    });
    element.addEventListener("keydown", (event) => {
      const { key } = event;
      if (modified(event)) return;
      if (key in MOVES) go(chosen + MOVES[key]);
      else if (key === "+" || key === "=") act.level(x[chosen] + 1);
      else if (key === "-") act.level(x[chosen] - 1);
      else if (key === "Enter" || key === " ") flip();
      else return;
      event.preventDefault();
    });
    return (run, at, from, surprise) => {
      [chosen, x] = [at, run.x];
      const seen = sees(at);
      cells.forEach((cell, d) => {
        const [later, blind, drawn] = [d > run.d, d < at && !seen.has(d), d >= from && d < run.d];
        cell.style.backgroundColor = mix(grey(x[d]), LATER, later ? 0.85 : 0);
        cell.className = [blind && "is-blind", drawn && "is-drawn"].filter(Boolean).join(" ");
        cell.tabIndex = d === at ? 0 : -1;
        cell.ariaSelected = String(d === at);
        const state = later ? ", comes later" : blind ? ", out of sight" : drawn ? ", drawn" : "";
        cell.ariaLabel = `${where(d)}: level ${x[d]}, ${nats(surprise[d])}${state}`;
      });
    };
  }

  function drawBars(pen, width, height, p, level) {
    const top = [0.25, 0.5, 1].find((each) => 0.93 * each >= Math.max(...p)) ?? 1.08;
    const names = ["level of this pixel", "probability"];
    const frame = { x: [-0.7, K - 0.3], y: [0, top], names };
    const { X, Y, box } = stage.axes(pen, width, height, frame);
    p.forEach((value, k) => {
      pen.fillStyle = k === level ? COLOURS.data : COLOURS.model;
      pen.fillRect(X(k - 0.4), Y(value), X(0.8) - X(0), Y(0) - Y(value));
    });
    const [x, y] = [X(level), Math.max(Y(p[level]) - 3, box.top + 7)];
    pen.fillStyle = COLOURS.data;
    pen.fill(new Path2D(`M${x} ${y}l-5 -7h10z`));
    return (px) => Math.min(Math.max(Math.round((px - X(0)) / (X(1) - X(0))), 0), K - 1);
  }

  /** Bars that are a slider too: a click or an arrow key sets the level. */
  function bars(parent, onlevel) {
    let [p, level, levelAt] = [[], 0, () => 0];
    const { element, redraw } = stage.canvas(parent, "Level of this pixel", 2, (pen, ...size) => {
      levelAt = drawBars(pen, ...size, p, level);
    });
    Object.assign(element, { role: "slider", tabIndex: 0, ariaValueMin: 0, ariaValueMax: K - 1 });
    const pull = ({ offsetX, buttons }) => {
      if (buttons && levelAt(offsetX) !== level) onlevel(levelAt(offsetX));
    };
    element.addEventListener("pointerdown", pull);
    element.addEventListener("pointermove", pull);
    element.addEventListener("keydown", (event) => {
      const to = {
        ArrowRight: level + 1, ArrowUp: level + 1, ArrowLeft: level - 1, ArrowDown: level - 1,
        Home: 0, End: K - 1,
      }[event.key];
      if (to === undefined || modified(event)) return;
      event.preventDefault();
      onlevel(to);
    });
    return (log_p, now) => {
      [p, level] = [Array.from(log_p, Math.exp), now];
      element.ariaValueNow = level;
      element.ariaValueText = `level ${level}, probability ${shown(p[level])}`;
      redraw();
    };
  }

  function drawMap(pen, width, height, surprise, at) {
    const [white, full] = [[255, 255, 255], [213, 94, 0]];
    const [side, top] = [Math.floor((height - 16) / SIDE), Math.max(5, ...surprise)];
    Object.assign(pen, { fillStyle: "#FFFFFF", strokeStyle: COLOURS.data, lineWidth: 2 });
    pen.fillRect(0, 0, width, height);
    const corner = (d) => [8 + (d % SIDE) * side, 8 + Math.floor(d / SIDE) * side];
    surprise.forEach((value, d) => {
      pen.fillStyle = mix(white, full, value / top);
      pen.fillRect(...corner(d), side, side);
    });
    pen.strokeRect(...corner(at), side, side);
    const [left, tall] = [SIDE * side + 26, SIDE * side];
    Object.assign(pen, { strokeStyle: COLOURS.text, lineWidth: 0.8 });
    pen.strokeRect(8, 8, tall, tall);
    for (let y = 0; y < tall; y++) {
      pen.fillStyle = mix(full, white, y / tall);
      pen.fillRect(left, 8 + y, 12, 1);
    }
    pen.strokeRect(left, 8, 12, tall);
    Object.assign(pen, { fillStyle: COLOURS.text, font: "12px system-ui, sans-serif" });
    Object.assign(pen, { textAlign: "left", textBaseline: "middle" });
    for (const each of stage.ticks([0, top], 5))
      pen.fillText(shown(each), left + 18, 8 + tall * (1 - each / top));
    pen.fillText("surprise", left + 44, height / 2 - 8);
    pen.fillText("in nats", left + 44, height / 2 + 8);
    return (x, y) => {
      const [i, j] = [y, x].map((each) => Math.floor((each - 8) / side));
      return i >= 0 && j >= 0 && i < SIDE && j < SIDE ? i * SIDE + j : -1;
    };
  }

  /** -log p of each pixel as colours; a click chooses the pixel. */
  function map(parent, onchoose) {
    let [surprise, at, pixelAt] = [[], 0, () => -1];
    const { element, redraw } = stage.canvas(parent, "Map of surprise", 2, (pen, ...size) => {
      pixelAt = drawMap(pen, ...size, surprise, at);
    });
    element.addEventListener("click", ({ offsetX, offsetY }) => {
      const d = pixelAt(offsetX, offsetY);
      if (d >= 0) onchoose(d);
    });
    return (values, chosen) => {
      [surprise, at] = [values, chosen];
      const most = surprise.indexOf(Math.max(...surprise));
      element.ariaLabel = `Map of surprise: most, ${nats(surprise[most])}, at ${where(most)}`;
      redraw();
    };
  }

  function numbers({ x, log_p }, d, surprise) {
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    const likeliest = log_p[d].indexOf(Math.max(...log_p[d]));
    return {
      "level here": `${x[d]} (p = ${shown(Math.exp(log_p[d][x[d]]))})`,
      "likeliest level": `${likeliest} (p = ${shown(Math.exp(log_p[d][likeliest]))})`,
      "surprise here": nats(surprise[d]),
      "sum so far": nats(sum(surprise.slice(0, d + 1))),
      "−log p(x)": nats(sum(surprise)),
      "out of sight": `${d - sees(d).size} of ${d}`,
    };
  }

  function figure(place) {
    const controls = make("div", { className: "live-controls" });
    const parts = make("div", {
      className: "live-mosaic", role: "group", ariaLabel: place.dataset.alt,
    });
    place.replaceChildren(controls, parts, make("p", { className: "live-key" }, KEY));
    const tell = stage.report(place);
    let [own, from, run] = [pictures[5], 25, null]; // the reader's picture, and the pixel chosen
    const at = () => Math.min(run.d, D - 1);

    /** Takes a picture, or what is on the screen, as the reader's own, and a pixel of it. */
    function take(x, d) {
      again.halt();
      [own, from] = [[...x], d];
      again();
    }
    function level(k) {
      take(run.x.with(at(), Math.min(Math.max(k, 0), K - 1)), at());
    }
    const choose = (d) => take(run.x, d);

    album(controls, (x) => take(x, from));
    const showGrid = grid(parts, { choose, level });
    const showBars = bars(parts, level);
    const showMap = map(parts, choose);
    const again = stage.player(controls, {
      names: ["Draw the rest", "Draw one", "Take back"],
      limit: D,
      leap: D,
      steps: () => run.d,
      advance: (count) => run.advance(count),
      restart: (seed) => (run = drawing(own, from, stage.random(seed))),
      tell(aloud) {
        const [d, surprise] = [at(), surprises(run.log_p, run.x)];
        showGrid(run, d, from, surprise);
        showBars(run.log_p[d], run.x[d]);
        showMap(surprise, d);
        tell(`Pixel in ${where(d)}`, () => numbers(run, d, surprise), aloud);
      },
    });
    again();
  }

  stage.mount("pixels", figure);
})();
