// What the portal's pages do beyond HTML. Everything on them works by attributes that start with
// data-; without this file links and forms still do what they say.
"use strict";
(() => {
  const root = document.documentElement;
  const THEME = "posthorn-theme";

  // Storage may be refused, in a frame of another site for one.
  const kept = {
    get: () => { try { return localStorage.getItem(THEME); } catch { return null; } },
    set: (value) => { try { localStorage.setItem(THEME, value); } catch { /* for this page, then */ } },
  };
  const chosen = kept.get();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  root.dataset.script = "";

  const isDark = () => (root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches);

  const say = (text) => {
    const place = document.querySelector(".toasts");
    if (!place) return;
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.textContent = text;
    place.append(toast);
    setTimeout(() => toast.remove(), 6000);
  };

  // --- times, in the reader's zone -----------------------------------------------------------
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const units = [["day", 86400, 172800], ["hour", 3600, 3600], ["minute", 60, 60], ["second", 1, 0]];
  const spoken = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const tell = (time) => {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) return;
    time.title = exact.format(at);
    if (!("relative" in time.dataset)) {
      time.textContent = exact.format(at);
      return;
    }
    const seconds = (at.getTime() - Date.now()) / 1000;
    const [unit, size] = units.find(([, , from]) => Math.abs(seconds) >= from);
    time.textContent = spoken.format(Math.trunc(seconds / size), unit);
  };
  const localize = (within) => within.querySelectorAll("time[datetime]").forEach(tell);
  setInterval(() => document.querySelectorAll("time[data-relative]").forEach(tell), 15000);

  // A field for a time shows the reader's zone, and sends UTC by a hidden one beside it.
  const pad = (number) => String(number).padStart(2, "0");
  const local = (at) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
  const zone = (field) => {
    const sent = document.createElement("input");
    sent.type = "hidden";
    sent.name = field.name;
    sent.value = field.dataset.utc || "";
    const shown = sent.value ? new Date(sent.value) : null;
    if (shown) field.value = local(shown);
    field.removeAttribute("name");
    field.after(sent);
    const update = () => {
      const at = new Date(field.value);
      sent.value = field.value && !Number.isNaN(at.getTime()) ? at.toISOString() : "";
    };
    field.addEventListener("input", update);
    field.addEventListener("change", update);
    const hint = document.getElementById(field.dataset.zoneHint || "");
    if (hint) hint.hidden = true;
  };

  // --- what is new on a page ------------------------------------------------------------------
  const search = (field) => {
    const list = document.getElementById(field.dataset.search);
    const none = document.getElementById(`${field.dataset.search}-none`);
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      let left = 0;
      for (const group of list.querySelectorAll("[data-group]")) {
        let shown = 0;
        for (const item of group.querySelectorAll("[data-words]")) {
          const fits = item.dataset.words.toLowerCase().includes(wanted);
          item.hidden = !fits;
          if (fits) shown += 1;
        }
        group.hidden = shown === 0;
        left += shown;
      }
      if (none) none.hidden = left > 0;
    });
    // Enter would send the form around it.
    field.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  };

  // A group of types that is wanted as a whole includes each of them.
  const whole = (box) => {
    const each = box.closest("[data-group]").querySelectorAll(".types input");
    const update = () => each.forEach((one) => { one.disabled = box.checked; });
    box.addEventListener("change", update);
    update();
  };

  const reveals = (choice) => {
    const part = document.getElementById(choice.dataset.reveals);
    const update = () => { part.hidden = !choice.checked; };
    choice.form.addEventListener("change", update);
    update();
  };

  const prepare = (within) => {
    localize(within);
    within.querySelectorAll("[data-search]").forEach(search);
    within.querySelectorAll("[data-whole]").forEach(whole);
    within.querySelectorAll("[data-reveals]").forEach(reveals);
    within.querySelectorAll("input[data-utc]").forEach(zone);
    within.querySelectorAll("[data-needs-script]").forEach((part) => { part.hidden = false; });
  };

  const clicks = {
    opens: (button) => {
      const dialog = document.getElementById(button.dataset.opens);
      dialog.showModal();
      const first = dialog.querySelector("[autofocus], input:not([type=hidden]), select, textarea, button");
      if (first) first.focus();
    },
    closes: (button) => button.closest("dialog").close(),
    copies: async (button) => {
      const text = document.getElementById(button.dataset.copies).textContent;
      try {
        await navigator.clipboard.writeText(text);
        say("Copied");
      } catch {
        const range = document.createRange();
        range.selectNodeContents(document.getElementById(button.dataset.copies));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        say("Selected: copy it with Ctrl+C or ⌘C");
      }
    },
    adds: (button) => {
      const list = document.getElementById(button.dataset.adds);
      const row = list.lastElementChild.cloneNode(true);
      row.querySelectorAll("input").forEach((input) => {
        input.value = "";
        input.removeAttribute("id");
      });
      list.append(row);
      row.querySelector("input").focus();
    },
  };

  document.addEventListener("click", (event) => {
    for (const [name, act] of Object.entries(clicks)) {
      const button = event.target.closest(`[data-${name}]`);
      if (button) {
        event.preventDefault();
        act(button);
        return;
      }
    }
    // Beside a dialog is out of it.
    if (event.target instanceof HTMLDialogElement && event.target.open) {
      const box = event.target.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right
        && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside && event.detail > 0) event.target.close();
    }
  });

  // Sent twice is done twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method.toLowerCase() !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 4000);
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });

  document.addEventListener("DOMContentLoaded", () => {
    const toggle = document.querySelector("[data-theme-toggle]");
    if (toggle) {
      const show = () => toggle.setAttribute("aria-pressed", String(isDark()));
      toggle.hidden = false;
      show();
      toggle.addEventListener("click", () => {
        root.dataset.theme = isDark() ? "light" : "dark";
        kept.set(root.dataset.theme);
        show();
      });
    }
    prepare(document);
    const problems = document.querySelector("[data-problems]");
    if (problems) problems.focus();

    // Nobody looks at a page in the background, nor wants what they read there to move.
    document.body.addEventListener("htmx:beforeRequest", (event) => {
      const polls = (event.detail.elt.getAttribute("hx-trigger") || "").includes("every");
      const byItself = polls && !event.detail.requestConfig.triggeringEvent?.isTrusted;
      if (byItself && (document.hidden || event.detail.elt.contains(document.activeElement))) event.preventDefault();
    });
    document.body.addEventListener("htmx:afterSwap", (event) => {
      if (event.detail.elt instanceof Element) prepare(event.detail.elt);
    });
    document.body.addEventListener("htmx:sendError", () => say("Posthorn can't be reached just now"));
    document.body.addEventListener("htmx:responseError", (event) => {
      const answer = event.detail.xhr;
      const plain = (answer.getResponseHeader("content-type") || "").startsWith("text/plain");
      say(plain && answer.responseText ? answer.responseText : "That did not work just now");
    });

    const entrance = document.querySelector("form[data-sends-itself]");
    if (entrance) entrance.requestSubmit();
  });
})();
