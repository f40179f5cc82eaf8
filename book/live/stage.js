/* What live figures share: seeded random numbers, controls, a canvas with axes, contour lines, and
   a player that respects a reader's wish for no motion. A classic script: it works from file://. */
"use strict";
(() => {
  /* Okabe and Ito's colours by role, as coursepkg.plotting; figures stand on white paper. */
  const COLOURS = {
    data: "#000000",
    model: "#0072B2",
    samples: "#D55E00",
    latent: "#009E73",
    prior: "#CC79A7",
    bound: "#E69F00",
    grey: "#B3B3B3",
    text: "#333333",
  };

  /** Seeded random numbers: xoshiro128** (Blackman & Vigna 2018), seeded by splitmix32. */
  function random(seed) {
    const mix = () => {
      seed = (seed + 0x9e3779b9) | 0;
      let z = Math.imul(seed ^ (seed >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    const s = [mix(), mix(), mix(), mix()];
    const rotate = (x, k) => (x << k) | (x >>> (32 - k));
    /** A whole number of 32 bits. */
    function next() {
      const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
      const t = s[1] << 9;
      s[2] ^= s[0];
      s[3] ^= s[1];
      s[1] ^= s[2];
      s[0] ^= s[3];
      s[2] ^= t;
      s[3] = rotate(s[3], 11);
      return result;
    }
    /** Uniform on [0, 1), with all 53 bits. */
    const uniform = () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
    /** Two independent standard normals, by Box and Muller; 1 - u is never 0. */
    function normals() {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    }
    /** A whole number from low to high, both included. */
    const whole = (low, high) => low + Math.floor((high - low + 1) * uniform());
    return { next, uniform, normals, whole };
  }

  /** An element with properties and children, as in `make("p", { className: "x" }, "text")`. */
  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function field(name, control, ...more) {
    return make("label", { className: "live-field" }, make("span", {}, name), control, ...more);
  }

  /** A labelled list to choose from; `options` maps values to names. */
  function select(parent, name, options, onchange) {
    const control = make("select", { onchange });
    for (const [value, text] of Object.entries(options))
      control.append(make("option", { value }, text));
    parent.append(field(name, control));
    return control;
  }

  /** A labelled slider whose number stands beside it; `show` makes the number from its value. */
  function slider(parent, name, show, oninput) {
    const number = make("span", { className: "live-value", ariaHidden: "true" });
    const control = make("input", { type: "range", step: "any" });
    const tell = () => {
      number.textContent = show(Number(control.value));
      control.setAttribute("aria-valuetext", number.textContent);
    };
    control.oninput = () => {
      tell();
      oninput();
    };
    parent.append(field(name, control, number));
    /** Sets range and value without an event. */
    function set(low, high, value) {
      Object.assign(control, { min: low, max: high, value });
      tell();
    }
    // arrow keys go by the step, or through a hundred places, which "any" would leave to the browser
    control.addEventListener("keydown", (event) => {
      const way = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const size = Number(control.step) || (control.max - control.min) / 100; // "any" is no number
      control.value = Number(control.value) + way * size;
      control.oninput();
    });
    return { control, set, value: () => Number(control.value) };
  }

  function button(parent, text, onclick) {
    const control = make("button", { type: "button", onclick }, text);
    parent.append(control);
    return control;
  }

  /** A canvas of a given shape, sharp on any screen; `draw(pen, width, height)` in CSS pixels. */
  function canvas(parent, label, ratio, draw) {
    const element = make("canvas", { role: "img", ariaLabel: label });
    element.style.setProperty("--ratio", ratio); // live.css makes it flatter on a phone
    parent.append(element);
    const pen = element.getContext("2d");
    function redraw() {
      const [width, height] = [element.clientWidth, element.clientHeight];
      const scale = window.devicePixelRatio || 1;
      if (!width) return; // not on a screen
      element.width = Math.round(width * scale);
      element.height = Math.round(height * scale);
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      draw(pen, width, height);
    }
    new ResizeObserver(redraw).observe(element);
    return { element, redraw };
  }

  /** Round numbers that divide a range into about `count` parts. */
  function ticks([low, high], count = 5) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((each) => each * power >= rough);
    const first = Math.ceil(low / step);
    const length = Math.floor(high / step) - first + 1;
    return Array.from({ length }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }

  /** White paper with two axes; returns maps from numbers to pixels, and the box inside. */
  function axes(pen, width, height, { x, y, names }) {
    const [left, right, top, bottom] = [38, 16, 8, 34];
    const box = { left, top, width: width - left - right, height: height - top - bottom };
    const X = (value) => left + ((value - x[0]) / (x[1] - x[0])) * box.width;
    const Y = (value) => top + ((y[1] - value) / (y[1] - y[0])) * box.height;
    pen.fillStyle = "#FFFFFF";
    pen.fillRect(0, 0, width, height);
    Object.assign(pen, { strokeStyle: COLOURS.text, fillStyle: COLOURS.text, lineWidth: 0.8 });
    pen.font = "12px system-ui, sans-serif";
    pen.strokeRect(left, top + box.height, box.width, 0);
    pen.strokeRect(left, top, 0, box.height);
    Object.assign(pen, { textAlign: "center", textBaseline: "top" });
    for (const each of ticks(x, box.width / 70)) {
      pen.strokeRect(X(each), top + box.height, 0, 3);
      pen.fillText(shown(each), X(each), top + box.height + 5);
    }
    pen.fillText(names[0], left + box.width / 2, top + box.height + 19);
    Object.assign(pen, { textAlign: "right", textBaseline: "middle" });
    for (const each of ticks(y, box.height / 50)) {
      pen.strokeRect(left - 3, Y(each), 3, 0);
      pen.fillText(shown(each), left - 6, Y(each));
    }
    pen.save();
    pen.translate(7, top + box.height / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText(names[1], 0, 0);
    pen.restore();
    return { X, Y, box };
  }

  /** Draws with `paint()` inside a box only. */
  function clipped(pen, box, paint) {
    pen.save();
    pen.beginPath();
    pen.rect(box.left, box.top, box.width, box.height);
    pen.clip();
    paint();
    pen.restore();
  }

  /** Segments [[x, y], [x, y]] along which f(x, y) = level, by marching squares on a grid. */
  function contour(f, { x, y }, level, cells = 80) {
    const at = ([low, high], i) => low + ((high - low) * i) / cells;
    const rows = Array.from({ length: cells + 1 }, (_, j) =>
      Array.from({ length: cells + 1 }, (_, i) => f(at(x, i), at(y, j)) - level),
    );
    const found = [];
    for (let j = 0; j < cells; j++)
      for (let i = 0; i < cells; i++) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
        const cuts = [];
        corners.forEach(([i1, j1], k) => {
          const [i2, j2] = corners[(k + 1) % 4];
          const [a, b] = [rows[j1][i1], rows[j2][i2]];
          if (a < 0 === b < 0) return; // the line does not cross this side
          const t = a / (a - b);
          cuts.push([at(x, i1 + t * (i2 - i1)), at(y, j1 + t * (j2 - j1))]);
        });
        for (let k = 0; k + 1 < cuts.length; k += 2) found.push([cuts[k], cuts[k + 1]]);
      }
    return found;
  }

  /** Buttons Run, Step and Reset for something that goes in steps: `act` has `limit`, `steps()`,
      `advance(count)`, `restart(seed)` and `tell(aloud)`, where aloud is false while it runs; the
      buttons may have other `names`. Who wants no motion sees `leap` steps, a fifth of the way, at
      once. Returns a restart with the same noise, whose `halt()` pauses. */
  function player(parent, act) {
    const { names = ["Run", "Step", "Reset"], leap = act.limit / 5 } = act;
    let [frame, last, owed, seed] = [0, 0, 0, 1];
    const still = window.matchMedia("(prefers-reduced-motion: reduce)");
    const go = button(parent, names[0], run);
    button(parent, names[1], () => {
      halt();
      advance(1);
    });
    button(parent, names[2], () => {
      halt();
      again(seed + 1);
    });

    function halt() {
      cancelAnimationFrame(frame);
      frame = 0;
      go.textContent = names[0];
    }
    function advance(count) {
      act.advance(count);
      act.tell(!frame);
    }
    function again(next = seed) {
      seed = next;
      act.restart(seed);
      act.tell(!frame);
    }
    function turn(now) {
      const seconds = Math.min((now - last) / 1000, 0.1); // 0.1: the tab was in the background
      last = now;
      owed += seconds * (12 + act.steps() / 2); // slow at first, to be watched
      const count = Math.min(Math.floor(owed), act.limit - act.steps());
      owed -= count;
      if (act.steps() + count >= act.limit) halt();
      else frame = requestAnimationFrame(turn);
      advance(count);
    }
    function run() {
      if (frame) {
        halt();
        return act.tell(true);
      }
      if (act.steps() >= act.limit) again(seed + 1);
      if (still.matches) return advance(leap);
      go.textContent = "Pause";
      [owed, last] = [0, performance.now()];
      frame = requestAnimationFrame(turn);
    }
    return Object.assign(again, { halt });
  }

  /** A list of numbers by name, and the same in words for those who do not see it. */
  function report(parent) {
    const list = make("dl", { className: "live-numbers" });
    const words = make("p", { className: "live-words", role: "status" });
    parent.append(list, words);
    let told = 0;
    /** Shows `table()`, four times a second at most unless aloud; then says it after `what`. */
    return (what, table, aloud) => {
      if (!aloud && performance.now() - told < 250) return;
      told = performance.now();
      const rows = Object.entries(table());
      const row = ([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value));
      list.replaceChildren(...rows.map(row));
      if (!aloud) return;
      words.textContent = `${what}: ${rows.map((each) => each.join(" ")).join("; ")}.`;
    };
  }

  /** A number for people: whole ones in full, others to three digits, a true minus. */
  function shown(value) {
    if (!Number.isFinite(value)) return "—";
    const size = Math.abs(value);
    const text =
      size >= 1e7 ? value.toExponential(1)
      : size >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en")
      : String(Number(value.toPrecision(3)));
    return text.replace("-", "−");
  }

  /** Puts a figure into each place that asks for it by name. */
  function mount(name, figure) {
    for (const place of document.querySelectorAll(`[data-live="${name}"]`)) figure(place);
  }

  window.course = Object.assign(window.course ?? {}, {
    stage: {
      COLOURS, random, make, select, slider, button, canvas, ticks, axes, clipped, contour, player,
      report, shown, mount,
    },
  });
})();
