"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // The colours of the pictures are CSS variables: a theme is an attribute, nothing is drawn again.
  const remembered = () => { try { return localStorage.getItem("loadkit-theme"); } catch { return null; } };
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const tell = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("loadkit-theme", root.dataset.theme); } catch { /* a file may have no storage */ }
    tell();
  });
  dark.addEventListener("change", tell);
  tell();

  // Who looks for the moment in a log needs the clock: pictures over time tell it beside the time since the start.
  const startedAt = parseFloat(document.getElementById("main")?.dataset.started);
  const unitSeconds = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 };
  const clock = (name, text) => {
    const unit = unitSeconds[/^(\w+) since start$/.exec(name)?.[1]];
    const moment = new Date((startedAt + Number(text) * unit) * 1_000);
    return isNaN(moment) ? null : moment.toISOString().slice(0, unit > 1 ? 16 : 19).replace("T", " ");
  };

  // Values in a tooltip can come from a gateway: they are set as text, never as HTML.
  const tip = document.getElementById("tip");
  const tooltip = (_handler, event, _item, value) => {
    if (value === null || value === undefined || value === "") { tip.hidden = true; return; }
    const list = document.createElement("dl");
    for (const [name, text] of Object.entries(value)) {
      list.append(Object.assign(document.createElement("dt"), { textContent: name }),
        Object.assign(document.createElement("dd"), { textContent: String(text) }));
      const told = clock(name, text);
      if (told !== null) list.append(Object.assign(document.createElement("dt"), { textContent: "UTC" }),
        Object.assign(document.createElement("dd"), { textContent: told }));
    }
    tip.replaceChildren(list);
    tip.hidden = false;
    const margin = 12;
    const left = Math.min(event.clientX + margin, innerWidth - tip.offsetWidth - margin);
    const below = event.clientY + margin + tip.offsetHeight < innerHeight;
    tip.style.left = `${Math.max(margin, left)}px`;
    tip.style.top = `${below ? event.clientY + margin : event.clientY - tip.offsetHeight - margin}px`;
  };
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  // On a touch screen a drag scrolls the page: there the pictures are zoomed with the bar above them alone.
  const touch = matchMedia("(pointer: coarse)").matches;
  const still = (value) => {
    if (Array.isArray(value)) return value.map(still);
    if (value === null || typeof value !== "object") return value;
    const kept = value.type === "interval" ? { ...value, translate: false, zoom: false } : value;
    return Object.fromEntries(Object.entries(kept).map(([key, inner]) => [key, key === "datasets" ? inner : still(inner)]));
  };

  // Rows come as lists, under one list of their columns' names.
  const unfolded = ({ config, pictures }) => Object.fromEntries(Object.entries(pictures).map(([name, spec]) => [name, {
    config, ...spec, datasets: Object.fromEntries(Object.entries(spec.datasets).map(([set, { columns, rows }]) =>
      [set, rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])))])),
  }]));

  // What the other scripts work with: the specifications, the views that were drawn, and word of each.
  const page = window.loadkitPage = { specs: {}, views: new Map(), whenDrawn: [], drawing: new Set() };

  page.draw = async (name) => {
    const place = document.getElementById(`picture-${name}`);
    if (place === null || page.drawing.has(name)) return;
    page.drawing.add(name);
    const spec = page.specs[name];
    // The place is one image with a name and a description. Vega gives what it draws in a role and a name of its own.
    const inside = document.createElement("div");
    inside.setAttribute("aria-hidden", "true");
    place.append(inside);
    try {
      const { view } = await vegaEmbed(inside, touch ? still(spec) : spec, {
        mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, tooltip,
      });
      page.views.set(name, view);
      for (const told of page.whenDrawn) told(name, view, place);
    } catch (error) {
      place.textContent = `This picture could not be drawn: ${error.message}`;
      console.error(error);
    }
  };

  const drawAll = async () => {
    const data = JSON.parse(document.getElementById("pictures-data").textContent);
    page.specs = data.pictures ? unfolded(data) : data;
    for (const name of Object.keys(page.specs)) {
      // What is in a panel that is not shown has no width yet.
      if (!document.getElementById(`picture-${name}`)?.closest("[hidden]")) await page.draw(name);
    }
    root.dataset.drawn = "yes";
  };
  // The scripts after this one come first.
  Promise.resolve().then(drawAll);
})();
