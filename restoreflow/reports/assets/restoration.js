"use strict";
document.documentElement.classList.add("js");

for (const entry of document.querySelectorAll(".entry")) {
  const stage = entry.querySelector(".stage");
  if (stage) compare(entry, stage);
}

function compare(entry, stage) {
  const viewport = stage.querySelector(".viewport");
  const divider = stage.querySelector(".divider");
  const [left, right] = stage.querySelectorAll(".tag");
  const canvases = [...stage.querySelectorAll(".canvas")];
  let position = 50; // per cent of what is seen of the stage
  let zoom = "fit";

  const canvas = () => canvases.find((each) => !each.hidden);

  // The divider stands in what is seen; the cut is where it meets the picture, which may be
  // scrolled, or narrower than the stage.
  function place() {
    const area = viewport.getBoundingClientRect();
    const picture = canvas().getBoundingClientRect();
    if (!picture.width) return;
    const x = area.left + (viewport.clientWidth * position) / 100;
    const cut = Math.min(1, Math.max(0, (x - picture.left) / picture.width));
    stage.style.setProperty("--cut", `${cut * 100}%`);
    stage.style.setProperty("--place", `${(viewport.clientWidth * position) / 100}px`);
    left.classList.toggle("away", position < 14);
    right.classList.toggle("away", position > 86);
  }

  function move(to) {
    position = Math.min(100, Math.max(0, to));
    divider.setAttribute("aria-valuenow", String(Math.round(position)));
    divider.setAttribute("aria-valuetext", `${Math.round(position)} % before`);
    place();
  }

  function moveTo(event) {
    const area = viewport.getBoundingClientRect();
    move(((event.clientX - area.left) / viewport.clientWidth) * 100);
  }

  divider.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : 2;
    const targets = {
      ArrowLeft: position - step, ArrowDown: position - step,
      ArrowRight: position + step, ArrowUp: position + step,
      PageDown: position - 10, PageUp: position + 10, Home: 0, End: 100,
    };
    if (!(event.key in targets) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(targets[event.key]);
  });
  drag(divider, moveTo, moveTo);

  // On the picture itself a drag moves the divider, or where it is zoomed the picture.
  let from = null;
  drag(
    viewport,
    (event) => {
      const scrollbar = event.offsetX > viewport.clientWidth || event.offsetY > viewport.clientHeight;
      if (scrollbar || (zoom !== "fit" && event.pointerType === "touch")) return false;
      if (zoom === "fit") return moveTo(event);
      from = [event.clientX + viewport.scrollLeft, event.clientY + viewport.scrollTop];
      stage.classList.add("panning");
    },
    (event) => {
      if (zoom === "fit") return moveTo(event);
      viewport.scrollTo(from[0] - event.clientX, from[1] - event.clientY);
    },
    () => stage.classList.remove("panning"),
  );
  viewport.addEventListener("scroll", place);
  new ResizeObserver(place).observe(stage);

  function resize() {
    const middle = [
      (viewport.scrollLeft + viewport.clientWidth / 2) / viewport.scrollWidth,
      (viewport.scrollTop + viewport.clientHeight / 2) / viewport.scrollHeight,
    ];
    for (const each of canvases) {
      const width = (each.dataset.width * zoom) / window.devicePixelRatio;
      each.style.width = zoom === "fit" ? "" : `${width}px`;
    }
    stage.classList.toggle("zoomed", zoom !== "fit");
    // Where it scrolls, the keyboard has to reach it.
    if (zoom === "fit") viewport.removeAttribute("tabindex");
    else viewport.tabIndex = 0;
    viewport.scrollTo(
      middle[0] * viewport.scrollWidth - viewport.clientWidth / 2,
      middle[1] * viewport.scrollHeight - viewport.clientHeight / 2,
    );
    place();
  }

  const set = {
    sample(value) {
      for (const layer of stage.querySelectorAll(".layer.after")) {
        layer.hidden = layer.dataset.sample !== value;
      }
    },
    map(value) {
      stage.classList.toggle("mapped", value !== "none");
      for (const layer of stage.querySelectorAll(".layer.map")) layer.hidden = layer.dataset.map !== value;
      for (const legend of entry.querySelectorAll(".legend")) legend.hidden = legend.dataset.legend !== value;
    },
    view(value) {
      for (const each of canvases) each.hidden = each.dataset.view !== value;
      resize();
    },
    zoom(value) {
      zoom = value;
      resize();
    },
    strength(value) {
      stage.style.setProperty("--strength", String(value / 100));
      for (const each of entry.querySelectorAll('[data-control="strength"]')) each.value = value;
    },
    pixelated(value) {
      stage.classList.toggle("pixelated", value);
    },
  };

  function read(input) {
    if (input.type === "radio" && !input.checked) return;
    set[input.dataset.control](input.type === "checkbox" ? input.checked : input.value);
  }

  for (const input of entry.querySelectorAll("[data-control]")) {
    input.addEventListener("input", () => read(input));
    read(input); // a browser may have kept choices over a reload
  }
  place();
}

function drag(element, start, go, end = () => {}) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || start(event) === false) return;
    element.setPointerCapture(event.pointerId);
    const stop = () => {
      element.removeEventListener("pointermove", go);
      element.removeEventListener("pointerup", stop);
      element.removeEventListener("pointercancel", stop);
      end();
    };
    element.addEventListener("pointermove", go);
    element.addEventListener("pointerup", stop);
    element.addEventListener("pointercancel", stop);
  });
}
