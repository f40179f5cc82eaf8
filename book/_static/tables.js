/* Lets a reader sort and filter a table of class "sortable". Without it the table is just a table. */
"use strict";
(() => {
  /** What a cell is worth in sorting: its number, else its text; "" and "—" have none. */
  function worth(text) {
    const plain = text.trim().replaceAll(",", "").replaceAll("−", "-");
    if (plain === "" || plain === "—") return null;
    const found = /^[=≤≈]?\s*([+-]?\d+\.?\d*(?:e[+-]?\d+)?)(?:\s*±.*|\s*)$/i.exec(plain);
    return found ? Number(found[1]) : text.trim().toLowerCase();
  }

  /** Numbers before words, and what has no worth last, whichever way round. */
  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
  }

  function sort(table, column) {
    const heads = [...table.tHead.rows[0].cells];
    const sign = heads[column].getAttribute("aria-sort") === "ascending" ? -1 : 1;
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const body = table.tBodies[0];
    const value = (row) => worth(row.cells[column].textContent);
    body.append(...[...body.rows].sort((a, b) => compare(value(a), value(b), sign)));
  }

  /** Shows the rows that have every word of the text, and says how many they are. */
  function filter(table, text, said) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) {
      const content = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => content.includes(word));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    said.textContent = `${shown} of ${rows.length} rows`;
  }

  function start(table, n) {
    for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      const arrow = document.createElement("span"); // whose arrow is for eyes: aria-sort says it
      arrow.setAttribute("aria-hidden", "true");
      button.append(...head.childNodes, arrow);
      button.addEventListener("click", () => sort(table, column));
      head.replaceChildren(button);
    }
    const id = `table-filter-${n}`;
    const label = Object.assign(document.createElement("label"), { htmlFor: id });
    label.textContent = "Show rows with";
    const box = Object.assign(document.createElement("input"), { type: "search", id });
    const said = Object.assign(document.createElement("span"), { role: "status" });
    box.addEventListener("input", () => filter(table, box.value, said));
    const bar = Object.assign(document.createElement("div"), { className: "sortable-bar" });
    bar.append(label, box, said);
    const around = Object.assign(document.createElement("div"), { className: "sortable-scroll" });
    around.tabIndex = 0; // so that the keyboard can scroll it
    around.setAttribute("role", "region");
    around.setAttribute("aria-label", table.caption?.textContent ?? "Table");
    table.replaceWith(bar, around);
    around.append(table);
  }

  document.querySelectorAll("table.sortable").forEach(start);
  globalThis.course = Object.assign(globalThis.course ?? {}, { tables: { worth, compare } });
})();
