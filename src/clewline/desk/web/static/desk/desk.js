// Keys and small comforts; every page works without this file.
"use strict";

// "/" goes to the search field; a key named by data-key presses its button with Alt, and alone
// while the focus is in a part marked data-keys and nobody types.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const field = document.querySelector("[data-search]");
    if (field) { event.preventDefault(); field.focus(); }
  }
  const alone = !typing && !event.shiftKey && event.target.closest("[data-keys]");
  if ((event.altKey || alone) && !event.ctrlKey && !event.metaKey) {
    const key = event.key.toLowerCase();
    const own = event.target.closest("[data-item]");
    // In a queue "j" goes one item down and "k" one up; a key of an item presses its own button.
    const items = [...document.querySelectorAll("[data-item]")];
    if (items.length && (key === "j" || key === "k")) {
      const next = items[Math.min(items.length - 1, Math.max(0, items.indexOf(own) + (key === "j" ? 1 : -1)))];
      event.preventDefault();
      next.querySelector("a").focus();
      return;
    }
    const named = `[data-key="${CSS.escape(key)}"]`;
    const target = (own && own.querySelector(named)) || document.querySelector(named);
    if (target) { event.preventDefault(); target.focus(); target.click(); }
  }
  const form = event.target.closest("form");
  if (event.ctrlKey && event.key === "Enter" && form) {
    const main = form.querySelector("button.main");
    if (main) { event.preventDefault(); form.requestSubmit(main); }
  }
});

// What is set inside a folded group stands in its summary.
document.addEventListener("change", (event) => {
  const group = event.target.closest("details[data-summary]");
  const place = group && group.querySelector("summary span");
  if (!place) return;
  const set = [];
  for (const field of group.querySelectorAll("input, select, textarea")) {
    if (field.type === "hidden" || !field.value || !field.labels || !field.labels[0]) continue;
    set.push(field.selectedOptions ? field.selectedOptions[0].text : field.labels[0].textContent.trim());
  }
  place.textContent = set.join(", ");
});
