/* Formulas on narrow screens: displayed ones are shrunk a little so that they fit; what still does
   not fit scrolls in a box of its own (custom.css), which the keyboard can reach. */
(() => {
  "use strict";
  const LEAST = 0.75; // of the usual size: smaller would be hard to read

  function fit() {
    for (const box of document.querySelectorAll(".wide")) box.classList.remove("wide");
    const boxes = [...document.querySelectorAll("div.math mjx-container")];
    const formulas = boxes.map(box => box.querySelector("mjx-math"));
    for (const formula of formulas) formula.style.fontSize = "";
    const sizes = boxes.map(box => box.clientWidth / box.scrollWidth);
    formulas.forEach((formula, i) => {
      if (sizes[i] < 1) formula.style.fontSize = `${100 * Math.max(LEAST, sizes[i] - 0.005)}%`;
    });
    const inline = [...document.querySelectorAll("span.math")];
    const wide = [...boxes, ...inline].map(box => box.scrollWidth > box.clientWidth + 1);
    [...boxes, ...inline].forEach((box, i) => {
      box.classList.toggle("wide", wide[i]);
      box.closest(".together")?.classList.toggle("loose", wide[i]);
      if (wide[i]) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  }

  let width = 0;
  function refit() {
    if (innerWidth === width) return;
    width = innerWidth;
    fit();
  }

  addEventListener("load", () => window.MathJax?.startup?.promise.then(() => {
    refit();
    addEventListener("resize", refit);
    document.fonts.addEventListener("loadingdone", fit); // widths of before were another font's
  }));
})();
