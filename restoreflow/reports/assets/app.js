
const limits = JSON.parse(document.querySelector("main").dataset.limits);
const form = document.querySelector("form");
const results = document.querySelector(".results");
const heard = document.querySelector('[role="status"]');

form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("file").addEventListener("change", (event) => {
  take(event.target.files);
  event.target.value = ""; // so that the same file can be chosen again
});
// Anywhere on the page, or a browser would leave it and show the file.
let over = 0;
window.addEventListener("dragenter", () => document.body.classList.toggle("over", ++over > 0));
window.addEventListener("dragleave", () => document.body.classList.toggle("over", --over > 0));
window.addEventListener("dragover", (event) => event.preventDefault());
window.addEventListener("drop", (event) => {
  event.preventDefault();
  over = 0;
  document.body.classList.remove("over");
  take(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => take(event.clipboardData.files));

function take(files) {
  for (const file of [...files].reverse()) begin(file);
}

function query(name) {
  const asked = new URLSearchParams({ name });
  for (const [key, value] of new FormData(form)) if (value !== "" && typeof value === "string") asked.set(key, value);
  return asked;
}

// A card a picture: what is done to it, then why not, or the result in its place.
function begin(file, place = null) {
  const name = file.name || "pasted.png";
  const card = element("div", { className: "job" });
  const words = element("p", { textContent: "Waiting" });
  const bar = element("progress", {});
  const buttons = element("div", { className: "buttons" });
  const cancel = button("Cancel", () => {
    gone = true;
    if (id) fetch(`/api/restorations/${id}`, { method: "DELETE" });
    card.remove();
  });
  buttons.append(cancel);
  card.append(element("h2", { textContent: name }), words, bar, buttons);
  if (place) place.before(card);
  else results.prepend(card);
  card.scrollIntoView({ block: "nearest" });
  let id = null;
  let gone = false;

  function failed({ error, hint }) {
    if (gone) return;
    card.classList.add("failed");
    card.setAttribute("role", "alert");
    words.textContent = error.startsWith(name) ? `${error}.` : sentence(error);
    bar.replaceWith(...(hint ? [element("p", { className: "hint", textContent: sentence(hint) })] : []));
    buttons.replaceChildren(
      button("Try again", () => {
        begin(file, card);
        card.remove();
      }),
      button("Remove", () => card.remove()),
    );
  }

  function tell(state) {
    if (state.status === "queued") {
      words.textContent = state.ahead ? `Waiting for ${state.ahead} before it` : "Waiting";
      return;
    }
    words.textContent = state.total ? `Restoring, ${Math.floor((100 * state.done) / state.total)} %` : "Restoring";
    if (state.total) {
      bar.max = state.total;
      bar.value = state.done;
    }
  }

  async function run() {
    if (file.size > limits.bytes) {
      const most = `at most ${megabytes(limits.bytes)} are taken here`;
      return failed({ error: `the file has ${megabytes(file.size)}`, hint: `${most}: reduce it, or crop it` });
    }
    let state = await ask(`/api/restorations?${query(name)}`, { method: "POST", body: file });
    id = state.id;
    for (let wait = 150; !gone && (state.status === "queued" || state.status === "running"); wait = Math.min(1000, wait * 1.3)) {
      tell(state);
      await new Promise((done) => setTimeout(done, wait));
      if (!gone) state = await ask(`/api/restorations/${id}`);
    }
    if (gone) return;
    if (state.status === "failed") return failed(state);
    const answer = await fetch(`/api/restorations/${id}/section`);
    if (!answer.ok) throw await answer.json();
    show(card, await answer.text(), file, id);
    heard.textContent = `${name} is restored`;
  }

  run().catch((reason) =>
    failed(reason.error ? reason : { error: "the server does not answer", hint: "see whether restoreflow app still runs" }),
  );
}

async function ask(url, options) {
  const answer = await fetch(url, options);
  const record = await answer.json();
  if (!answer.ok) throw record;
  return record;
}

function show(card, html, file, id) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const result = holder.content.querySelector(".result");
  card.replaceWith(result);
  const entry = result.querySelector(".entry");
  compare(entry, entry.querySelector(".stage"));
  const choices = [...entry.querySelectorAll('[data-control="sample"]')];
  const cuts = [...result.querySelectorAll("[data-pick]")];
  const links = [...result.querySelectorAll(".download[data-sample]")];

  function picked(value) {
    for (const each of cuts) each.setAttribute("aria-pressed", String(each.dataset.pick === value));
    if (value === "mean") return; // which has no file; the sample before stays on offer
    for (const each of links) each.hidden = each.dataset.sample !== value;
  }

  for (const each of choices) each.addEventListener("input", () => each.checked && picked(each.value));
  for (const each of cuts) {
    each.addEventListener("click", () => {
      const choice = choices.find((input) => input.value === each.dataset.pick);
      choice.checked = true;
      choice.dispatchEvent(new Event("input"));
    });
  }
  result.querySelector(".again").addEventListener("click", () => begin(file, result));
  result.querySelector(".away").addEventListener("click", () => {
    fetch(`/api/restorations/${id}`, { method: "DELETE" });
    result.remove();
  });
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

function button(words, act) {
  const made = element("button", { type: "button", textContent: words });
  made.addEventListener("click", act);
  return made;
}

function sentence(words) {
  return words.charAt(0).toUpperCase() + words.slice(1) + (/[.?!]$/.test(words) ? "" : ".");
}

function megabytes(bytes) {
  return `${Number((bytes / 1e6).toPrecision(3))} MB`;
}
