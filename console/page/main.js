/** Puts the two views together. */
import { startChat } from "./chat.js";
import { $ } from "./dom.js";
import { startOperator } from "./operator.js";

function view(name) {
  for (const other of ["chat", "operator"]) {
    $(other).hidden = other !== name;
    if (other === name) $(`tab-${other}`).setAttribute("aria-current", "page");
    else $(`tab-${other}`).removeAttribute("aria-current");
  }
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
}

for (const name of ["chat", "operator"]) $(`tab-${name}`).addEventListener("click", () => view(name));
startChat();
startOperator();
view(location.hash === "#operator" ? "operator" : "chat");
