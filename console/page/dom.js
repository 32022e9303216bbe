/** Small things around the document. Text always goes in as text, never as markup. */

export const $ = (id) => document.getElementById(id);

/** An element with attributes (`class`, `onclick` …) and children (elements or text). */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((c) => c !== undefined && c !== null && c !== false));
  return element;
}

let toastTimer;
export function toast(text) {
  $("toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    $("toast").textContent = "";
  }, 6_000);
}

/** How long ago, in few letters. */
export function since(time) {
  const s = Math.max(0, Math.round((Date.now() - new Date(time).getTime()) / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min`;
  return s < 86_400 ? `${Math.floor(s / 3_600)} h` : `${Math.floor(s / 86_400)} d`;
}

/** What a tab remembers: its conversation, its token. Lost with the tab. */
export const memory = {
  get: (key) => {
    try {
      return JSON.parse(sessionStorage.getItem(`desk.${key}`));
    } catch {
      return null;
    }
  },
  set: (key, value) => {
    try {
      if (value === null) sessionStorage.removeItem(`desk.${key}`);
      else sessionStorage.setItem(`desk.${key}`, JSON.stringify(value));
    } catch {
      // A browser that keeps nothing still talks.
    }
  },
};

/** One message of a transcript as a list item. */
export function messageItem(m) {
  const by = { customer: "You", desk: "Desk", human: m.author ? `${m.author} (a person)` : "A person" }[
    m.role
  ];
  return el(
    "li",
    { class: m.role, "data-seq": m.seq },
    el("p", { class: m.role === "customer" && !m.by ? "by sr" : "by" }, m.by ?? by),
    el("div", { class: "bubble" }, m.text),
    m.citations?.length
      ? el(
          "div",
          { class: "cites" },
          "Source:",
          m.citations.map((c) => el("span", {}, c.title ?? c.id)),
        )
      : undefined,
  );
}
