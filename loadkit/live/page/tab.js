// Fills the tab "Calls" of Locust's page with the page of the same name. Locust's own tabs of an extension hold one
// table and nothing else; this one has none, so that its panel is empty, and the page is put there in a frame.
"use strict";

(() => {
  const root = document.getElementById("root");
  let frame = null;

  const chosen = () =>
    [...root.querySelectorAll('[role="tab"][aria-selected="true"]')].find((tab) => tab.textContent === "Calls");

  function fit() {
    const body = frame && frame.contentDocument && frame.contentDocument.body;
    if (body) frame.style.height = `${Math.max(300, body.scrollHeight + 8)}px`;
  }

  function show(tab) {
    frame = document.createElement("iframe");
    frame.title = "Calls of the run, as it goes";
    frame.src = "./calls/";
    frame.style.cssText = "border:0;width:100%;height:70vh;display:block;color-scheme:normal;background:transparent";
    frame.addEventListener("load", () => {
      fit();
      new ResizeObserver(fit).observe(frame.contentDocument.body);
    });
    // Beside what React draws, and taken away again before it draws another tab.
    (tab.closest(".MuiContainer-root") || root).append(frame);
  }

  function look() {
    const tab = chosen();
    if (tab && (!frame || !frame.isConnected)) show(tab);
    if (!tab && frame) {
      frame.remove();
      frame = null;
    }
  }

  new MutationObserver(look).observe(root, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["aria-selected"],
  });
  look();
})();
