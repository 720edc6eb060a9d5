"use strict";
// The numbers behind each picture, as a table and as CSV: made when they are asked for, from what the picture is drawn of.
(() => {
  const page = window.loadkitPage;
  const make = (tag, attributes, ...inside) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...inside);
    return element;
  };

  // Every layer that shows values under the mouse: the same columns, in the same words.
  const tablesOf = (spec) => {
    const found = new Map();
    const walk = (node, inherited) => {
      const name = node.data?.name ?? inherited;
      const columns = [node.encoding?.tooltip ?? []].flat().filter((column) => column.field);
      if (name && columns.length && !name.startsWith("marks") && !found.has(name)) {
        found.set(name, { columns: columns.map((column) => [column.field, column.title ?? column.field]), rows: spec.datasets?.[name] ?? [] });
      }
      for (const layer of node.layer ?? []) walk(layer, name);
    };
    walk(spec, null);
    return [...found.values()].filter((table) => table.rows.length);
  };

  const text = (value) => value === null || value === undefined ? "–" : String(value);
  // A spreadsheet takes a cell that begins so for a formula, and text can come from a gateway.
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    const told = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(told) ? `"${told.replaceAll('"', '""')}"` : told;
  };
  const csv = ({ columns, rows }) => [columns.map(([, title]) => cell(title)), ...rows.map((row) => columns.map(([field]) => cell(row[field])))]
    .map((cells) => cells.join(",")).join("\r\n") + "\r\n";

  const save = (name, content) => {
    const address = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
    make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  };

  const tableOf = ({ columns, rows }, title) => {
    const numeric = columns.map(([field]) => rows.every((row) => row[field] === null || typeof row[field] === "number"));
    const head = make("tr", {}, ...columns.map(([, name], at) => make("th", { scope: "col", className: numeric[at] ? "n" : "", textContent: name })));
    const body = rows.map((row) => make("tr", {}, ...columns.map(([field], at) =>
      make("td", { className: numeric[at] ? "n" : "", textContent: text(row[field]) }))));
    const scroll = make("div", { className: "scroll", tabIndex: 0 }, make("table", {},
      make("caption", { textContent: `${title}: ${rows.length} ${rows.length === 1 ? "row" : "rows"}.` }),
      make("thead", {}, head), make("tbody", {}, ...body)));
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", `Numbers of ${title}`);
    return scroll;
  };

  page.whenDrawn.push((name, _view, place) => {
    const tables = tablesOf(page.specs[name]);
    if (!tables.length) return;
    const title = document.getElementById(`title-${name}`)?.textContent ?? name;
    const details = make("details", { className: "numbers" }, make("summary", { textContent: "Numbers of this picture" }));
    details.addEventListener("toggle", () => {
      if (!details.open || details.childElementCount > 1) return;
      tables.forEach((table, at) => {
        const file = `${name}${at ? `-${at + 1}` : ""}.csv`;
        const button = make("button", { type: "button", textContent: `Save as ${file}` });
        button.addEventListener("click", () => save(file, csv(table)));
        details.append(make("p", {}, button), tableOf(table, title));
      });
    });
    place.after(details);
  });
})();
