// Begins what moves, and switches between light and dark.
"use strict";
(() => {
  const root = document.documentElement, button = document.getElementById("theme");
  const name = () => {
    const dark = root.dataset.theme === "dark";
    button.textContent = dark ? "Light" : "Dark";
    button.setAttribute("aria-label", dark ? "Switch to light" : "Switch to dark");
    button.setAttribute("aria-pressed", String(dark));
  };
  const switchTo = (theme) => { root.dataset.theme = theme; name(); Charts.redraw(); };
  button.addEventListener("click", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("sfmodel-theme", theme); } catch (_) { /* a file may have no storage */ }
    switchTo(theme);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => switchTo(event.matches ? "dark" : "light"));
  let before = null; // paper is white
  addEventListener("beforeprint", () => { before = root.dataset.theme; if (before === "dark") switchTo("light"); });
  addEventListener("afterprint", () => { if (before === "dark") switchTo("dark"); before = null; });
  name();
  Playing.begin();
  Charts.begin();
})();
