"use strict";
// What a reader does with the page: choose a split, sort a table, copy a command.
(() => {
  const page = window.loadkitPage;
  const said = document.getElementById("said");
  const say = (words) => { if (said) said.textContent = words; };

  for (const choice of document.querySelectorAll("fieldset.split")) {
    const panels = [...choice.parentElement.querySelectorAll(":scope > .panel")];
    const choose = (name) => {
      for (const panel of panels) {
        panel.hidden = panel.dataset.split !== name;
        if (panel.hidden || !document.documentElement.dataset.drawn) continue;
        for (const place of panel.querySelectorAll(".picture")) page.draw(place.id.replace(/^picture-/, ""));
      }
    };
    choice.hidden = false;
    choice.addEventListener("change", (event) => choose(event.target.value));
    choose(choice.querySelector("input:checked").value);
  }

  // "1,234", "2.5 %", "95 MB" and "–" as numbers; null where there is none.
  const sizes = { kB: 1e3, MB: 1e6, GB: 1e9 };
  const number = (text) => {
    const found = /^[<>]?\s*(-?[\d,]*\.?\d+)\s*(kB|MB|GB)?/.exec(text.trim());
    return found ? Number(found[1].replaceAll(",", "")) * (sizes[found[2]] ?? 1) : null;
  };
  const compare = (left, right, numeric) => {
    if (!numeric) return left.localeCompare(right, "en", { numeric: true });
    const [one, other] = [number(left), number(right)];
    return one === other ? 0 : one === null ? 1 : other === null ? -1 : one - other;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    const given = [...body.rows];
    heads.forEach((head, column) => {
      const name = head.textContent;
      const button = Object.assign(document.createElement("button"), { type: "button", className: "sort", textContent: name });
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const was = head.getAttribute("aria-sort");
        const numeric = head.classList.contains("n");
        // Large numbers first, names from A on; a third press gives the order as it was.
        const order = numeric ? ["descending", "ascending"] : ["ascending", "descending"];
        const now = was === null ? order[0] : was === order[0] ? order[1] : null;
        for (const other of heads) other.removeAttribute("aria-sort");
        const rows = [...given];
        if (now !== null) {
          head.setAttribute("aria-sort", now);
          const turn = now === "ascending" ? 1 : -1;
          const value = (row) => row.cells[column].textContent;
          // What was not measured stays last, whichever way.
          const unknown = (row) => (numeric ? number(value(row)) === null : value(row) === "–") ? 1 : 0;
          rows.sort((left, right) => unknown(left) - unknown(right) || turn * compare(value(left), value(right), numeric));
        }
        body.append(...rows);
        say(now === null ? "Order as it was." : `Sorted by ${name}, ${now}.`);
      });
    });
  }

  const copied = async (text) => {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* not allowed: the old way */ }
    const area = Object.assign(document.createElement("textarea"), { value: text, className: "unseen" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  for (const button of document.querySelectorAll("button.copy")) {
    const words = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const done = await copied(document.getElementById(button.dataset.copy).textContent);
      button.focus();
      button.textContent = done ? "Copied" : "Select it and copy it by hand";
      say(button.textContent);
      setTimeout(() => { button.textContent = words; }, 3_000);
    });
  }
})();
