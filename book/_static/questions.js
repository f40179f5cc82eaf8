/* Answers a question when an option is chosen or a number entered. Nothing is stored or sent. */
"use strict";
(() => {
  const NUMBER = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?:\/(\d+\.?\d*))?(%?)$/;

  /** What 0.3, 0,3, .3, 3/10, 30 %, 3e-1 or −2 means, as tools/quiz.py; NaN if no number. */
  function number(text) {
    const plain = text.replace(/\s/g, "").replaceAll("−", "-").replaceAll(",", ".").toLowerCase();
    const found = NUMBER.exec(plain);
    if (!found || Number(found[2] ?? 1) === 0) return NaN;
    return Number(found[1]) / Number(found[2] ?? 1) / (found[3] ? 100 : 1);
  }

  /** What is said to a number that was entered: a verdict, and words. */
  function judge(text, answer, tolerance) {
    if (!text.trim()) return ["none", "Enter a number first."];
    if (/^[+-]?[1-9]\d{0,2},\d{3}$/.test(text.trim()))
      return ["none", `“${text.trim()}” can be read in two ways: write it without the comma.`];
    const value = number(text);
    if (Number.isNaN(value))
      return ["none", `“${text.trim()}” is no number: write it as 0.25, 1/4 or 25 %.`];
    const slack = 1e-12 * Math.max(1, Math.abs(answer)); // of rounding, at the very edge
    if (Math.abs(value - answer) <= tolerance + slack) return ["right", "Right."];
    return ["wrong", `Not ${text.trim()}: that is too ${value > answer ? "large" : "small"}.`];
  }

  function say(form, verdict, words, reason) {
    form.dataset.verdict = verdict;
    const line = Object.assign(document.createElement("p"), { textContent: words });
    const because = reason ? reason.cloneNode(true).childNodes : [];
    form.querySelector(".question-said").replaceChildren(line, ...because);
  }

  /** Options are judged when clicked; arrow keys only go through them, Enter or Space answers. */
  function startChoice(form, answers) {
    const buttons = [...form.querySelectorAll("input[type=radio]")];
    let arrow = false;
    const answer = (i) => {
      const verdict = answers[i].className;
      buttons[i].parentElement.dataset.verdict = verdict;
      const words = verdict === "right" ? "Right." : "Not this one.";
      say(form, verdict, words, answers[i].querySelector(".question-reason"));
    };
    form.addEventListener("keydown", (event) => {
      arrow = event.key.startsWith("Arrow");
      const i = buttons.indexOf(event.target);
      if (["Enter", " "].includes(event.key) && buttons[i]?.checked) answer(i);
    });
    buttons.forEach((button, i) => {
      button.checked = false; // what a reload remembers was not answered
      button.addEventListener("change", () => {
        for (const each of buttons) delete each.parentElement.dataset.verdict;
        if (arrow) say(form, "none", "Enter answers.");
        else answer(i);
      });
      button.parentElement.addEventListener("pointerdown", () => (arrow = false));
    });
  }

  function startNumber(form, reason, entry) {
    entry.hidden = false;
    form.addEventListener("submit", () => {
      const { answer, tolerance } = form.dataset;
      const text = entry.querySelector("input").value;
      const [verdict, words] = judge(text, Number(answer), Number(tolerance));
      say(form, verdict, words, verdict === "right" ? reason : null);
    });
  }

  function start(form) {
    form.addEventListener("submit", (event) => event.preventDefault());
    const entry = form.querySelector(".question-entry");
    if (entry) startNumber(form, form.querySelector("details .question-reason"), entry);
    else startChoice(form, [...form.querySelectorAll("details > div")]);
  }

  window.course = Object.assign(window.course ?? {}, { questions: { number, judge } });
  for (const form of document.querySelectorAll("form.question")) start(form);
})();
