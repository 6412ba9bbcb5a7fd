// Asks for the page again while it is seen, filters rows, and knows some keys. Without it all is there, too.
"use strict";
(() => {
  const main = () => document.getElementById("content");
  const box = document.getElementById("filter");
  let timer = 0;

  const plan = () => {
    clearTimeout(timer);
    const seconds = Number(main()?.dataset.seconds);
    if (seconds && !document.hidden) timer = setTimeout(() => htmx.trigger(main(), "look"), seconds * 1000);
  };
  const filter = () => {
    const wanted = (box?.value || "").trim().toLowerCase();
    const rows = [...document.querySelectorAll("[data-name]")];
    for (const row of rows) row.hidden = !row.dataset.name.includes(wanted);
    const tasks = rows.filter((row) => row.tagName === "TR");
    const none = document.querySelector(".none");
    if (none) none.hidden = tasks.some((row) => !row.hidden);
  };
  const step = (by) => {
    const links = [...document.querySelectorAll("tbody tr:not([hidden]) th a")];
    const at = links.indexOf(document.activeElement);
    links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
  };

  // The head is not swapped.
  const icon = () => { if (main()?.dataset.icon) document.getElementById("icon").href = main().dataset.icon; };

  document.body.addEventListener("htmx:after:swap", () => { icon(); filter(); plan(); });
  document.body.addEventListener("htmx:error", plan);
  document.body.addEventListener("htmx:finally:request", plan);
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : main()?.dataset.seconds && htmx.trigger(main(), "look")));
  box?.addEventListener("input", filter);
  // The command that does the same, as it is being filled in.
  const form = document.querySelector("form.ask");
  const command = document.getElementById("command");
  const base = command?.textContent.replace(/ --\w+ …/g, "");
  const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);
  form?.addEventListener("input", () => {
    const given = [...new FormData(form)].filter(([, value]) => value.trim());
    command.textContent = base + given.map(([name, value]) => ` --${name} ${quoted(value.trim())}`).join("");
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && box && document.activeElement === box) { box.value = ""; filter(); box.blur(); return; }
    if (event.target.closest("input, select, textarea, dialog[open]")) return;
    const does = {
      "/": () => box?.focus(), "?": () => document.getElementById("keys")?.showModal(), h: () => location.assign("/"),
      j: () => step(1), k: () => step(-1), d: () => location.assign("/?hours=24"), w: () => location.assign("/?hours=168"),
    }[event.key];
    if (does) { event.preventDefault(); does(); }
  });
  filter();
  plan();
})();
