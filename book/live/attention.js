/* Chapter 20's live figure: where a small transformer looks in the text that the reader types. The
   mathematics stands first, in pure functions that tests/book/test_live_attention.py holds against
   coursepkg.nets.transformer. The weights are those of the reader of two layers that the chapter trains. */
"use strict";
(() => {
  const { stage, net } = window.course;
  const { COLOURS, make, shown } = stage;
  const START = 26;
  const LONGEST = 40; // letters
  const BASE = 10; // of the turns, as benchmarks.studies.induction.BASE
  const { embed, layers, norm } = net.read("attention");

  /** The letters of a text as numbers; what is no letter from a to z is left out. */
  const letters = (text) =>
    Array.from(text.toLowerCase(), (each) => each.codePointAt(0) - 97)
      .filter((k) => k >= 0 && k < START)
      .slice(0, LONGEST);
  const name = (k) => (k === START ? "the start" : String.fromCharCode(97 + k));

  /** x (1 + tanh √(2/π) (x + 0.044715 x³)) / 2, elementwise. */
  const gelu = ({ shape, data }) => ({
    shape,
    data: data.map(
      (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
    ),
  });

  /** Columns from `first` on, C of them: (T, ·) -> (T, C). */
  function columns({ shape: [T, all], data }, first, C) {
    return net.array(
      Array.from({ length: T * C }, (_, n) => data[Math.floor(n / C) * all + first + (n % C)]),
      [T, C],
    );
  }

  /** Features c and c + d/2 of place t, turned by t BASE^(-2c/d): coursepkg.nets.Rotary. */
  function turned({ shape: [T, d], data }) {
    const half = d / 2;
    const found = new Float64Array(T * d);
    for (let t = 0; t < T; t++)
      for (let c = 0; c < half; c++) {
        const angle = t * BASE ** ((-2 * c) / d);
        const [a, b] = [data[t * d + c], data[t * d + c + half]];
        found[t * d + c] = a * Math.cos(angle) - b * Math.sin(angle);
        found[t * d + c + half] = a * Math.sin(angle) + b * Math.cos(angle);
      }
    return { shape: [T, d], data: found };
  }

  /** The weights α_ts of one head, (T, T); 0 where s > t. */
  function attention(q, k) {
    const [T, d] = q.shape;
    const scores = net.linear(q, { weight: k });
    return net.softmax({
      shape: [T, T],
      data: scores.data.map((x, n) => (n % T > Math.floor(n / T) ? -Infinity : x / Math.sqrt(d))),
    });
  }

  /** A pre-norm layer of one head: its output, and its weights. */
  function layer(h, { norm1, norm2, attend, mlp }, places) {
    const [T, D] = h.shape;
    const parts = net.linear(net.layerNorm(h, norm1), attend.project);
    const [q, k, v] = [0, D, 2 * D].map((first) => columns(parts, first, D));
    const weights = places ? attention(turned(q), turned(k)) : attention(q, k);
    const transposed = { shape: [D, T], data: v.data.map((_, n) => v.data[(n % T) * D + Math.floor(n / T)]) };
    const a = net.add(h, net.linear(net.linear(weights, { weight: transposed }), attend.out));
    const inner = gelu(net.linear(net.layerNorm(a, norm2), mlp[0]));
    return { h: net.add(a, net.linear(inner, mlp[2])), weights };
  }

  /** All that the network makes of letters: weights of both layers, (T, T) as lists of rows, and
      the probabilities of the letter that follows each, (T, 26). */
  function read(symbols) {
    const y = [START, ...symbols];
    const T = y.length;
    const rows = ({ shape: [, C], data }) =>
      Array.from({ length: T }, (_, t) => Array.from(data.subarray(t * C, (t + 1) * C)));
    const first = layer(net.embedding(net.array(y, [T]), embed), layers[0], true);
    const second = layer(first.h, layers[1], false);
    const scores = net.linear(net.layerNorm(second.h, norm), { weight: embed.weight });
    const next = net.softmax(columns(scores, 0, START)); // the start never follows
    return { first: rows(first.weights), second: rows(second.weights), next: rows(next) };
  }

  window.course.attention = { letters, gelu, turned, read };

  /* From here on: the figure. */
  const KEY =
    "Bars above the letters: where the second layer looks when it has just read the ringed letter. " +
    "Bars below: where the first layer looks. The dot is the start. Type a word twice, of letters " +
    "that you like, and move the place through the second one. Only the letters a to z are read, " +
    `${LONGEST} at most.`;

  function draw(pen, width, height, { symbols, place, found }) {
    pen.fillStyle = "#FFFFFF";
    pen.fillRect(0, 0, width, height);
    const step = Math.min((width - 16) / (symbols.length + 1), 44);
    const middle = height / 2;
    const tall = middle - 18;
    Object.assign(pen, { textAlign: "center", textBaseline: "middle" });
    pen.font = `${Math.min(15, step * 1.4)}px system-ui, sans-serif`;
    [START, ...symbols].forEach((k, s) => {
      const x = 8 + (s + 0.5) * step;
      for (const [weights, colour, way] of [
        [found.second, COLOURS.model, -1], [found.first, COLOURS.prior, 1],
      ]) {
        const size = (weights[place][s] ?? 0) * tall;
        pen.fillStyle = colour;
        pen.fillRect(x - step * 0.35, middle + way * 13 - (way < 0 ? size : 0), step * 0.7, size);
      }
      pen.fillStyle = s > place ? COLOURS.grey : COLOURS.text;
      pen.fillText(k === START ? "·" : name(k), x, middle);
      if (s !== place) return;
      Object.assign(pen, { strokeStyle: COLOURS.samples, lineWidth: 2 });
      pen.strokeRect(x - step * 0.48, middle - 11, step * 0.96, 22);
    });
  }

  /** The place with the largest weight, and the weight, in words. */
  function most(row, symbols) {
    const s = row.indexOf(Math.max(...row));
    return `${s ? name(symbols[s - 1]) : name(START)} at place ${s} (${shown(row[s])})`;
  }

  function numbers({ symbols, place, found, unread }) {
    const p = found.next[place];
    const best = p.indexOf(Math.max(...p));
    const table = {
      "has just read": place ? `${name(symbols[place - 1])} at place ${place}` : name(START),
      "second layer looks at": most(found.second[place], symbols),
      "first layer looks at": most(found.first[place], symbols),
      "expects": `${name(best)} (${shown(p[best])})`,
    };
    if (place < symbols.length)
      table["what comes"] = `${name(symbols[place])} (${shown(p[symbols[place]])})`;
    if (unread) table["not read"] = `${unread} of the signs typed`;
    return table;
  }

  function figure(host) {
    const controls = make("div", { className: "live-controls" });
    const parts = make("div", { role: "group", ariaLabel: host.dataset.alt });
    host.replaceChildren(controls, parts, make("p", { className: "live-key" }, KEY));
    const tell = stage.report(host);
    const state = { symbols: letters("kvozbqxkvozbqx"), place: 12, found: null, unread: 0 };
    const text = make("input", {
      type: "text", value: "kvozbqxkvozbqx", maxLength: 200, autocomplete: "off", spellcheck: false,
    });
    controls.append(make("label", { className: "live-field" }, make("span", {}, "Text"), text));
    const slider = stage.slider(controls, "Place", (value) => String(Math.round(value)), () =>
      go(Math.round(slider.value())),
    );
    slider.control.step = 1;
    const { element, redraw } = stage.canvas(parts, "Attention", 2.6, (pen, ...size) =>
      draw(pen, ...size, state),
    );
    text.oninput = () => {
      state.symbols = letters(text.value);
      state.found = read(state.symbols);
      state.unread = Array.from(text.value).length - state.symbols.length;
      go(state.symbols.length);
    };
    text.addEventListener("keydown", (event) => event.stopPropagation()); // the page has shortcuts

    function go(place) {
      state.place = place;
      slider.set(0, state.symbols.length, place);
      slider.control.disabled = !state.symbols.length;
      element.ariaLabel = `Attention at place ${place} of ${state.symbols.length}`;
      redraw();
      tell("Attention", () => numbers(state), true);
    }
    state.found = read(state.symbols);
    go(state.place);
  }

  stage.mount("attention", figure);
})();
