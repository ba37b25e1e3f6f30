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
    const target = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (target) { event.preventDefault(); target.click(); }
  }
  if (event.ctrlKey && event.key === "Enter" && typing && typing.form) {
    const main = typing.form.querySelector("button.main");
    if (main) { event.preventDefault(); typing.form.requestSubmit(main); }
  }
});
