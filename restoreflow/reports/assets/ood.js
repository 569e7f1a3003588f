"use strict";
document.documentElement.classList.add("js");

const table = document.querySelector("table");
const dialog = document.querySelector("dialog");
if (table) {
  sortable(table, document.querySelector('[role="status"]'));
  opening(table, dialog);
}

// One switch for all heat maps, in the page and in the opened picture.
const switches = [...document.querySelectorAll('[data-control="maps"]')];
function showMaps(on) {
  document.documentElement.classList.toggle("mapped", on);
  for (const input of switches) input.checked = on;
  for (const each of document.querySelectorAll(".heat, .key")) each.hidden = !on;
}
for (const input of switches) input.addEventListener("input", () => showMaps(input.checked));
if (switches.length) showMaps(switches[0].checked);

function sortable(table, status) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function compared(kind, one, other) {
    if (kind === "text") return words.compare(one, other);
    return one === other ? 0 : Number(one) - Number(other);
  }

  headings.forEach((heading, column) => {
    const { kind } = heading.dataset;
    if (!kind) return;
    heading.querySelector("button").addEventListener("click", () => {
      const first = kind === "number" ? "descending" : "ascending";
      const second = kind === "number" ? "ascending" : "descending";
      const direction = heading.getAttribute("aria-sort") === first ? second : first;
      const sign = direction === "ascending" ? 1 : -1;
      const value = (row) => row.cells[column].dataset.value;
      const rows = [...body.rows].sort((a, b) => {
        const [one, other] = [value(a), value(b)];
        if (one === "" || other === "") return (one === "") - (other === ""); // last either way
        return sign * compared(kind, one, other);
      });
      body.append(...rows);
      for (const each of headings) if (each.dataset.kind) each.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", direction);
      status.textContent = `Sorted by ${heading.textContent.toLowerCase()}, ${direction}`;
    });
  });
}

function opening(table, dialog) {
  const large = dialog.querySelector(".large");
  let opened = null;

  function show(row) {
    opened = row;
    dialog.querySelector("h2").textContent = row.querySelector(".file bdi").textContent;
    large.replaceChildren(row.querySelector(".frame").cloneNode(true));
    const score = row.querySelector('[data-title="Score"]').textContent;
    const told = [".suffers", ".reasons"].map((kind) => row.querySelector(kind).textContent);
    const reasons = told.filter(Boolean).join(", ");
    const verdict = row.querySelector(".verdict").textContent;
    dialog.querySelector(".words").textContent =
      `Score ${score}. ${verdict}${reasons ? `: ${reasons}` : ""}.`;
    dialog.querySelector("footer").hidden = !large.querySelector(".heat");
    if (!dialog.open) dialog.showModal();
  }

  table.addEventListener("click", (event) => {
    const button = event.target.closest(".open");
    if (button) show(button.closest("tr"));
  });
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside the picture
  });
  dialog.addEventListener("close", () => opened?.querySelector(".open").focus());
  dialog.addEventListener("keydown", (event) => {
    const forward = { ArrowRight: true, ArrowLeft: false }[event.key];
    if (forward === undefined) return;
    const rows = [...table.tBodies[0].rows].filter((row) => row.querySelector(".open"));
    const next = rows[rows.indexOf(opened) + (forward ? 1 : -1)];
    if (next) show(next);
  });
}
